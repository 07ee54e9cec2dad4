import { expect } from 'chai'
import { array, assert, constantFrom, property, record } from 'fast-check'
import { controllerUid } from '../../../../src/api/object.ts'
import type { Pod } from '../../../../src/api/pod.ts'
import type { RunnerJob } from '../../../../src/api/runner-job.ts'
import type { Runner } from '../../../../src/api/runner.ts'
import { Scheduler } from '../../../../src/controllers/pool/scheduler.ts'
import { watchCaches } from '../../../../src/controllers/watches.ts'
import { isFinished } from '../../../../src/domain/job/phases.ts'
import { podState } from '../../../../src/domain/pod/state.ts'
import { Workqueue } from '../../../../src/kube/queue/workqueue.ts'
import { aContainer, aJob, aPod, aPool, aRunner, at, ended, podStatus, running } from '../../../objects/builders.ts'
import { FilledCaches } from '../../../objects/stores.ts'
import { HandClock } from '../../../observe/clock.ts'

const slots = 3
/** Slots of one repository; names before `d` are of the first. */
const own = 2
const names = ['a', 'b', 'c', 'd', 'e', 'f'] as const

const repositories = ['owner/first', 'owner/second'] as const
type Name = (typeof names)[number]

interface Things {
  job: RunnerJob | undefined
  runner: Runner | undefined
  pod: Pod | undefined
}

/** The possible events. */
const happenings: Readonly<Record<string, (pool: Pool, things: Things) => void>> = {
  'its Runner is made': (pool, { job, runner }) => {
    if (job === undefined || runner !== undefined || !pool.isIn(job.metadata.name)) return
    const turn = pool.scheduler.turnOf(`ns/${job.metadata.name}`)
    const spec = turn === undefined ? {} : { turn }
    pool.putRunner(aRunner({ job, metadata: { uid: `${job.metadata.uid}-runner` }, spec }))
  },
  'its pod is made': (pool, { job, runner, pod }) => {
    if (runner === undefined || pod !== undefined || !isHeld({ job, runner, pod })) return
    pool.putPod(aPod({ runner, metadata: { uid: `${runner.metadata.uid}-pod` } }))
  },
  'its pod runs': (pool, { pod }) => {
    if (pod !== undefined && !isOver(pod)) pool.putPod({ ...pod, status: podStatus('Running', aContainer(running)) })
  },
  'its pod is over': (pool, { pod }) => {
    if (pod !== undefined) pool.putPod({ ...pod, status: podStatus('Succeeded', aContainer(ended(0))) })
  },
  // A pod that was seen and is gone is a loss, which is recorded.
  'its pod goes': (pool, { job, pod }) => {
    if (pod === undefined) return
    pool.remove(pod)
    if (job !== undefined) pool.putJob({ ...job, status: { phase: 'Failed' } })
  },
  'its Runner goes': (pool, { runner }) => {
    if (runner !== undefined) pool.remove(runner)
  },
  'its Runner is refused a pod': (pool, { runner, pod }) => {
    if (runner !== undefined && pod === undefined) pool.putRunner({ ...runner, status: { phase: 'Stopping' } })
  },
  'it is cancelled': (pool, { job }) => {
    if (job !== undefined) pool.putJob({ ...job, spec: { ...job.spec, cancel: true } })
  },
  'it finishes': (pool, { job }) => {
    if (job !== undefined) pool.putJob({ ...job, status: { phase: 'Failed' } })
  },
  'it is deleted': (pool, { job }) => {
    if (job !== undefined) pool.remove(job)
  },
}

const often = ['it is delegated', 'its Runner is made']
const happening = constantFrom(...often, ...often, ...Object.keys(happenings))
const step = record({ what: happening, name: constantFrom(...names) })

/** A few jobs in one pool, with any event that an API server allows. */
class Pool extends FilledCaches {
  readonly scheduler: Scheduler
  readonly #startWindow: number
  #jobs = 0

  constructor(startWindow: number) {
    super()
    this.#startWindow = startWindow
    this.scheduler = new Scheduler({ caches: this.caches, wake: () => undefined, startWindow })
    watchCaches(this.caches, new Workqueue({ clock: new HandClock() }), this.scheduler)
    this.putPool(aPool({ spec: { maxRunners: slots, perRepository: { maxRunning: own } } }))
  }

  take(what: string, name: string): void {
    const things = this.thingsOf(name)
    if (what === 'it is delegated' && things.job === undefined) this.#delegate(name)
    happenings[what]?.(this, things)
  }

  thingsOf(name: string): Things {
    const { jobs, runners, pods } = this.caches
    return { job: jobs.get(`ns/${name}`), runner: runners.get(`ns/${name}-1`), pod: pods.get(`ns/${name}-1`) }
  }

  isIn(name: string): boolean {
    return this.scheduler.admissionOf(`ns/${name}`).is === 'admitted'
  }

  /** Occupied slots, counted from scratch. */
  taken(): number {
    return this.#taken(names)
  }

  /** The same for each repository. */
  takenByRepository(): number[] {
    return repositories.map((repository) => this.#taken(names.filter((name) => repositoryOf(name) === repository)))
  }

  #taken(some: readonly Name[]): number {
    return some.filter((name) => this.isIn(name)).length + some.filter((name) => isHeld(this.thingsOf(name))).length
  }

  /** Jobs that are admitted although they wait for nothing. */
  welcome(): string[] {
    return names.filter((name) => this.isIn(name) && !waits(this.thingsOf(name)))
  }

  /** Jobs that wait although they could be admitted. */
  forgotten(): string[] {
    const podless = names.map((name) => this.thingsOf(name)).filter((things) => !things.pod && isHeld(things))
    const starting = names.filter((name) => this.isIn(name)).length + podless.length
    if (this.taken() >= slots || starting >= this.#startWindow) return []
    const taken = this.takenByRepository()
    const full: string[] = repositories.filter((_, index) => (taken[index] ?? 0) >= own)
    return names.filter((name) => !this.isIn(name) && !full.includes(repositoryOf(name)) && waits(this.thingsOf(name)))
  }

  /** Runs all jobs to their end; returns the names of the jobs that never got a slot. */
  drain(): string[] {
    for (let round = 0; round < 2 * names.length; round++) {
      for (const name of names) this.#goOn(name)
    }
    return names.filter((name) => {
      const { job } = this.thingsOf(name)
      return job !== undefined && !isFinished(job)
    })
  }

  #goOn(name: string): void {
    this.take('its pod is over', name)
    const { job, runner, pod } = this.thingsOf(name)
    const waiting = waits({ job, runner, pod })
    if (waiting && runner === undefined && pod === undefined) {
      this.take('its Runner is made', name)
      return
    }
    // The rest of it, or of an earlier job of its name, ends.
    if (!waiting) this.take('it finishes', name)
    if (pod !== undefined) this.remove(pod)
    this.take('its Runner goes', name)
  }

  #delegate(name: string): void {
    this.#jobs += 1
    const spec = { delegatedAt: at(this.#jobs).toISOString(), repository: repositoryOf(name) }
    this.putJob(aJob({ metadata: { name, uid: `${name}-${this.#jobs}` }, spec }))
  }
}

function repositoryOf(name: string): string {
  return name < 'd' ? 'owner/first' : 'owner/second'
}

function isOver(pod: Parameters<typeof podState>[0]): boolean {
  const state = podState(pod)
  return state.is === 'absent' || state.facts.isTerminal
}

function isHeld({ job, runner, pod }: Things): boolean {
  if (pod !== undefined && !isOver(pod)) return true
  // A terminal pod may belong to an earlier Runner.
  if (pod !== undefined && (runner === undefined || controllerUid(pod) === runner.metadata.uid)) return false
  const isOwn = job !== undefined && job.metadata.uid === runner?.spec.jobRef?.uid
  return isOwn && !isFinished(job) && runner?.status.phase === 'Starting'
}

function waits({ job, runner, pod }: Things): boolean {
  if (job === undefined || isFinished(job) || job.spec.cancel) return false
  const isOwn = pod !== undefined && controllerUid(pod) === `${job.metadata.uid}-runner`
  return runner?.spec.jobRef?.uid !== job.metadata.uid && !isOwn
}

describe('the scheduler, for any order of events', () => {
  const holds = property(array(step, { maxLength: 80, size: 'max' }), constantFrom(2, 100), (steps, startWindow) => {
    const pool = new Pool(startWindow)
    for (const { what, name } of steps) {
      pool.take(what, name)
      expect(pool.taken(), `after ${name}: ${what}`).to.be.at.most(slots)
      expect(Math.max(...pool.takenByRepository()), `of one repository after ${name}: ${what}`).to.be.at.most(own)
      expect(pool.welcome(), `let in after ${name}: ${what}`).to.deep.equal([])
      expect(pool.forgotten(), `forgotten after ${name}: ${what}`).to.deep.equal([])
    }
    expect(pool.drain(), 'jobs that never got a slot').to.deep.equal([])
    expect(pool.log.lines).to.deep.equal([])
  })

  it('never gives out more slots than exist, and loses none', () => assert(holds, { numRuns: 400 }))
})
