import { expect } from 'chai'
import type { RunnerJob, RunnerJobSpec, RunnerJobStatus } from '../../../../src/api/runner-job.ts'
import type { Runner } from '../../../../src/api/runner.ts'
import { Scheduler } from '../../../../src/controllers/pool/scheduler.ts'
import { PoolQueues } from '../../../../src/cluster/pool-queues.ts'
import { statusAfter } from '../../../../src/domain/job/status.ts'
import { watchCaches } from '../../../../src/controllers/watches.ts'
import { Workqueue } from '../../../../src/kube/queue/workqueue.ts'
import {
  aContainer,
  aJob,
  aPod,
  aPool,
  aRunner,
  at,
  deletedAt,
  ended,
  judged,
  podStatus,
  running,
  stamp,
} from '../../../objects/builders.ts'
import { FilledCaches } from '../../../objects/stores.ts'
import { HandClock } from '../../../observe/clock.ts'

/** A scheduler with caches that the test fills; it gets their changes like the controllers do. */
class Scene extends FilledCaches {
  readonly woken: string[] = []
  readonly scheduler: Scheduler
  readonly stop: () => void

  constructor(startWindow?: number) {
    super()
    const wake = (key: string): void => void this.woken.push(nameOf(key))
    this.scheduler = new Scheduler({ caches: this.caches, wake, ...(startWindow !== undefined && { startWindow }) })
    this.stop = watchCaches(this.caches, new Workqueue({ clock: new HandClock() }), this.scheduler)
  }

  /** A job, named by and delegated at this many seconds after the start. */
  delegate(name: string, second: number, spec: Partial<RunnerJobSpec> = {}): RunnerJob {
    return this.putJob(aJob({ metadata: { name }, spec: { delegatedAt: at(second).toISOString(), ...spec } }))
  }

  start(job: RunnerJob): Runner {
    const pool = this.scheduler.poolOf(`ns/${job.metadata.name}`)?.metadata.name
    if (pool === undefined) throw new Error(`${job.metadata.name} was not let in`)
    return this.putRunner(aRunner({ job, spec: { poolName: pool } }))
  }

  isIn(name: string): boolean {
    return this.scheduler.admissionOf(`ns/${name}`).is === 'admitted'
  }

  reasonOf(name: string): string {
    const admission = this.scheduler.admissionOf(`ns/${name}`)
    return admission.is === 'waiting' ? `${admission.reason}: ${admission.message}` : admission.is
  }
}

function nameOf(key: string): string {
  return key.slice(key.indexOf('/') + 1)
}

function runningPod(runner: Runner) {
  return aPod({ runner, status: podStatus('Running', aContainer(running)) })
}

function overPod(runner: Runner) {
  return aPod({ runner, status: podStatus('Succeeded', aContainer(ended(0))) })
}

const full = 'PoolFull: waiting for a free slot in RunnerPool pool'

describe('a pod whose labels name another pool', () => {
  it('occupies a slot of its Runner’s pool, also when the Runner is gone', () => {
    const scene = new Scene()
    scene.putPool(aPool({ spec: { maxRunners: 1, labels: ['linux', 'x64'] } }))
    scene.putPool(aPool({ metadata: { name: 'other' }, spec: { maxRunners: 1, labels: ['other'] } }))
    const first = scene.delegate('first', 0)
    const runner = scene.start(first)
    const pod = runningPod(runner)
    scene.putPod({ ...pod, metadata: { ...pod.metadata, labels: { 'runnerhub.dev/pool': 'other' } } })
    scene.delegate('second', 1)
    scene.delegate('elsewhere', 2, { labels: ['other'] })
    expect([scene.isIn('second'), scene.isIn('elsewhere')]).to.deep.equal([false, true])
    scene.putJob({ ...first, status: { phase: 'Failed' } })
    scene.remove(runner)
    expect(scene.isIn('second'), 'while the pod runs').to.equal(false)
    scene.remove(pod)
    expect(scene.isIn('second')).to.equal(true)
  })
})

describe('jobs that wait for a slot', () => {
  it('are admitted oldest first, up to maxRunners, and woken', () => {
    const scene = new Scene()
    scene.putPool(aPool({ spec: { maxRunners: 2 } }))
    scene.delegate('old', 0)
    scene.delegate('middle', 1)
    scene.delegate('young', 2)
    expect(scene.woken).to.deep.equal(['old', 'middle'])
    expect(['old', 'middle', 'young'].map((name) => scene.isIn(name))).to.deep.equal([true, true, false])
  })

  it('are admitted by the time of their delegation, not of their arrival', () => {
    const scene = new Scene()
    for (const [name, second] of [
      ['c', 3],
      ['a', 1],
      ['b', 2],
    ] as const)
      scene.delegate(name, second)
    scene.putPool(aPool({ spec: { maxRunners: 2 } }))
    expect(scene.isIn('a') && scene.isIn('b')).to.equal(true)
    expect(scene.isIn('c')).to.equal(false)
  })

  it('get their waiting reason', () => {
    const scene = new Scene()
    scene.putPool(aPool({ spec: { maxRunners: 1, labels: ['linux'] } }))
    scene.delegate('first', 0)
    scene.delegate('second', 1)
    scene.delegate('other', 2, { labels: ['windows'] })
    expect(scene.reasonOf('first')).to.equal('admitted')
    expect(scene.reasonOf('second')).to.equal(full)
    expect(scene.reasonOf('other')).to.equal('NoMatchingPool: no RunnerPool offers the label "windows"')
  })

  it('wait while their pool’s template is invalid, and continue when it is fixed', () => {
    const scene = new Scene()
    const pool = scene.putPool(aPool({ spec: { maxRunners: 1 } }))
    for (const [index, name] of ['first', 'second'].entries()) scene.delegate(name, index)
    scene.putPool(judged(pool, 'False', { message: 'unknown field "spec.toleration"' }))
    const why = 'PoolNotReady: RunnerPool pool is not ready: unknown field "spec.toleration"'
    expect(['first', 'second'].map((name) => scene.reasonOf(name))).to.deep.equal([why, why])
    scene.woken.length = 0
    scene.putPool(judged(pool, 'False', { message: 'unknown field "spec.tolerations.x"' }))
    expect(scene.woken).to.include.members(['first', 'second'])
    scene.putPool(judged(pool, 'True'))
    expect(scene.reasonOf('first')).to.equal('admitted')
    expect(scene.reasonOf('second')).to.equal(full)
  })

  it('wait for ever in a pool without slots', () => {
    const scene = new Scene()
    scene.putPool(aPool({ spec: { maxRunners: 0 } }))
    scene.delegate('job', 0)
    expect(scene.isIn('job')).to.equal(false)
  })

  it('are all found at the start of a term, with the occupied slots', () => {
    const scene = new Scene()
    scene.stop()
    scene.putPool(aPool({ spec: { maxRunners: 3 } }))
    const busy = scene.putRunner(aRunner({ job: scene.delegate('busy', 0) }))
    scene.putPod(runningPod(busy))
    scene.putRunner(aRunner({ job: scene.delegate('starting', 1) }))
    for (const name of ['a', 'b']) scene.delegate(name, 2)
    scene.scheduler.begin()
    expect(scene.woken).to.deep.equal(['a'])
    expect(scene.isIn('b')).to.equal(false)
  })

  for (const [what, change] of Object.entries<(job: RunnerJob) => RunnerJob>({
    cancelled: (job) => ({ ...job, spec: { ...job.spec, cancel: true } }),
    finished: (job) => ({ ...job, status: { phase: 'Failed' } }),
    'being deleted': (job) => ({ ...job, metadata: { ...job.metadata, ...deletedAt(1) } }),
    'reported to run on a proxy runner': (job) => ({ ...job, status: { phase: 'Running', reported: { at: '' } } }),
  })) {
    it(`free their slot for the next when they are ${what} before they have a Runner`, () => {
      const scene = new Scene()
      scene.putPool(aPool({ spec: { maxRunners: 1 } }))
      const first = scene.delegate('first', 0)
      const second = scene.delegate('second', 1)
      const third = scene.delegate('third', 2)
      scene.putJob(change(second))
      scene.putJob(change(first))
      expect(scene.isIn('first') || scene.isIn('second')).to.equal(false)
      expect(scene.isIn('third')).to.equal(true)
      scene.remove(third)
      expect(scene.isIn('third')).to.equal(false)
    })
  }
})

describe('a slot', () => {
  it('is counted once while the job is admitted, has a Runner, and has a pod', () => {
    const scene = new Scene()
    scene.putPool(aPool({ spec: { maxRunners: 2 } }))
    const job = scene.delegate('first', 0)
    scene.delegate('second', 1)
    scene.delegate('third', 2)
    const runner = scene.start(job)
    scene.putPod(aPod({ runner }))
    scene.putPod(runningPod(runner))
    scene.putRunner({ ...runner, status: { phase: 'Busy', podUID: 'x' } })
    expect(['first', 'second', 'third'].map((name) => scene.isIn(name))).to.deep.equal([false, true, false])
  })

  function oneRunning() {
    const scene = new Scene()
    scene.putPool(aPool({ spec: { maxRunners: 1 } }))
    const job = scene.delegate('first', 0)
    scene.delegate('next', 1)
    const runner = scene.start(job)
    const pod = scene.putPod(runningPod(runner))
    expect(scene.reasonOf('next')).to.equal(full)
    return { scene, job, runner, pod }
  }

  it('is free when the pod is terminal, although it is kept for its log', () => {
    const { scene, runner } = oneRunning()
    scene.putPod(overPod(runner))
    expect(scene.isIn('next')).to.equal(true)
  })

  it('is free when the pod is gone', () => {
    const { scene, pod, runner } = oneRunning()
    scene.putRunner({ ...runner, status: { phase: 'Busy', podUID: pod.metadata.uid } })
    scene.remove(pod)
    expect(scene.isIn('next')).to.equal(true)
  })

  it('is occupied by the pod of a cancelled job until that has stopped', () => {
    const { scene, job, runner } = oneRunning()
    scene.putJob({ ...job, status: { phase: 'Cancelled' } })
    scene.putPod({ ...runningPod(runner), metadata: { ...runningPod(runner).metadata, ...deletedAt(5) } })
    expect(scene.isIn('next')).to.equal(false)
    scene.putPod(overPod(runner))
    expect(scene.isIn('next')).to.equal(true)
  })

  it('is occupied by a pod whose job and Runner were deleted until it is gone', () => {
    const { scene, job, runner, pod } = oneRunning()
    scene.remove(job)
    scene.remove(runner)
    expect(scene.isIn('next')).to.equal(false)
    scene.remove(pod)
    expect(scene.isIn('next')).to.equal(true)
  })

  it('is free when the job finished or was deleted before its pod was created', () => {
    for (const end of ['cancelled', 'deleted', 'refused']) {
      const scene = new Scene()
      scene.putPool(aPool({ spec: { maxRunners: 1 } }))
      const job = scene.delegate('first', 0)
      scene.delegate('next', 1)
      const runner = scene.start(job)
      if (end === 'cancelled') scene.putJob({ ...job, status: { phase: 'Cancelled' } })
      // Its Runner may remain: kubectl delete --cascade=orphan.
      if (end === 'deleted') scene.remove(job)
      if (end === 'refused') scene.putRunner({ ...runner, status: { phase: 'Stopping', reason: 'InvalidPod' } })
      expect(scene.isIn('next'), end).to.equal(true)
    }
  })

  it('is free when a proxy runner runs the job before its pod was created', () => {
    const scene = new Scene()
    scene.putPool(aPool({ spec: { maxRunners: 1 } }))
    const job = scene.delegate('first', 0)
    scene.start(job)
    scene.delegate('second', 1)
    expect(scene.isIn('second')).to.equal(false)
    scene.putJob({ ...job, status: { phase: 'Running', reason: 'Reported', reported: { at: stamp(1) } } })
    expect(scene.isIn('second')).to.equal(true)
  })

  it('is not lost after a thousand jobs', () => {
    const scene = new Scene()
    scene.putPool(aPool({ spec: { maxRunners: 3 } }))
    for (let index = 0; index < 1000; index++) {
      const job = scene.delegate(`job-${index}`, index)
      if (!scene.isIn(`job-${index}`)) throw new Error(`no slot for job ${index}`)
      if (index % 3 === 0) {
        scene.remove(job)
        continue
      }
      const runner = scene.start(job)
      const pod = scene.putPod(runningPod(runner))
      scene.putPod(overPod(runner))
      scene.putJob({
        ...job,
        status: { phase: 'Completed', runnerRef: { name: '', uid: '' }, podUID: pod.metadata.uid },
      })
      if (index % 2 === 0) for (const object of [pod, runner, job]) scene.remove(object)
    }
    for (const name of ['a', 'b', 'c', 'd']) scene.delegate(name, 2000)
    expect(['a', 'b', 'c', 'd'].map((name) => scene.isIn(name))).to.deep.equal([true, true, true, false])
    expect(scene.log.lines).to.deep.equal([])
  })
})

describe('a job whose Runner was deleted before anything was recorded', () => {
  it('waits again, at its old position', () => {
    const scene = new Scene()
    scene.putPool(aPool({ spec: { maxRunners: 1 } }))
    const job = scene.delegate('first', 0)
    scene.delegate('next', 1)
    scene.remove(scene.start(job))
    expect(scene.isIn('first')).to.equal(true)
    expect(scene.isIn('next')).to.equal(false)
  })

  it('never waits again once it was recorded', () => {
    const scene = new Scene()
    scene.putPool(aPool())
    const job = scene.delegate('first', 0)
    const runner = scene.start(job)
    scene.putJob({ ...job, status: { phase: 'Assigned', runnerRef: { name: 'first-1', uid: runner.metadata.uid } } })
    scene.remove(runner)
    expect(scene.isIn('first')).to.equal(false)
  })
})

describe('a new job with the name of a deleted one', () => {
  function renewed() {
    const scene = new Scene()
    scene.putPool(aPool({ spec: { maxRunners: 2 } }))
    const earlier = scene.delegate('job', 0)
    const runner = scene.start(earlier)
    const pod = scene.putPod(runningPod(runner))
    scene.remove(earlier)
    scene.putJob(aJob({ metadata: { name: 'job', uid: 'later' } }))
    return { scene, runner, pod }
  }

  it('is admitted beside the rest of the other, which occupies its slot', () => {
    const { scene } = renewed()
    scene.delegate('third', 9)
    expect(scene.isIn('job')).to.equal(true)
    expect(scene.isIn('third')).to.equal(false)
  })

  it('keeps its position whatever happens to the other’s Runner and pod', () => {
    const { scene, runner, pod } = renewed()
    scene.putRunner({ ...runner, status: { phase: 'Busy' } })
    scene.putRunner({ ...runner, metadata: { ...runner.metadata, ...deletedAt(5) } })
    scene.putPod({ ...pod, metadata: { ...pod.metadata, ...deletedAt(5) } })
    expect(scene.isIn('job')).to.equal(true)
    scene.remove(runner)
    scene.remove(pod)
    expect(scene.isIn('job')).to.equal(true)
    scene.delegate('third', 9)
    scene.delegate('fourth', 10)
    expect([scene.isIn('third'), scene.isIn('fourth')]).to.deep.equal([true, false])
  })

  it('does not have the other’s Runner counted as its own', () => {
    const scene = new Scene()
    scene.putPool(aPool({ spec: { maxRunners: 1 } }))
    const earlier = scene.delegate('job', 0)
    const runner = scene.start(earlier)
    scene.remove(earlier)
    const later = scene.putJob(aJob({ metadata: { name: 'job', uid: 'later' } }))
    scene.putRunner({ ...runner, metadata: { ...runner.metadata, ...deletedAt(5) } })
    scene.remove(later)
    scene.delegate('next', 9)
    expect(scene.isIn('next')).to.equal(true)
    scene.putRunner({ ...runner, metadata: { ...runner.metadata, ...deletedAt(6) } })
    scene.putJob(aJob({ metadata: { name: 'job', uid: 'latest' }, spec: { delegatedAt: at(10).toISOString() } }))
    scene.putRunner({ ...runner, metadata: { ...runner.metadata, ...deletedAt(7) } })
    scene.putJob({ ...aJob({ metadata: { name: 'next' } }), status: { phase: 'Failed' } })
    expect(scene.isIn('job')).to.equal(true)
  })

  it('has its own Runner counted although the other’s terminal pod still exists', () => {
    const { scene, runner } = renewed()
    const later = scene.caches.jobs.get('ns/job')
    if (later === undefined) throw new Error('no job')
    scene.putPod(overPod(runner))
    scene.remove(runner)
    scene.putRunner(aRunner({ job: later, metadata: { uid: 'later-runner' } }))
    scene.delegate('third', 9)
    scene.delegate('fourth', 10)
    expect([scene.isIn('third'), scene.isIn('fourth')]).to.deep.equal([true, false])
  })
})

describe('a change of a pool', () => {
  it('admits more when maxRunners is raised', () => {
    const scene = new Scene()
    const pool = scene.putPool(aPool({ spec: { maxRunners: 1 } }))
    for (const name of ['a', 'b', 'c']) scene.delegate(name, 0)
    scene.putPool({ ...pool, metadata: { ...pool.metadata, generation: 2 }, spec: { ...pool.spec, maxRunners: 2 } })
    expect(['a', 'b', 'c'].map((name) => scene.isIn(name))).to.deep.equal([true, true, false])
  })

  it('revokes the admission of jobs without a Runner when maxRunners is lowered, youngest first', () => {
    const scene = new Scene()
    const pool = scene.putPool(aPool({ spec: { maxRunners: 2 } }))
    scene.delegate('a', 0)
    scene.delegate('b', 1)
    scene.putPool({ ...pool, metadata: { ...pool.metadata, generation: 2 }, spec: { ...pool.spec, maxRunners: 1 } })
    expect([scene.isIn('a'), scene.isIn('b')]).to.deep.equal([true, false])
  })

  it('keeps jobs with a Runner, and admits none until enough of them have finished', () => {
    const scene = new Scene()
    const pool = scene.putPool(aPool({ spec: { maxRunners: 2 } }))
    const [a, b] = [scene.start(scene.delegate('a', 0)), scene.start(scene.delegate('b', 1))]
    scene.putPod(runningPod(a))
    scene.putPod(runningPod(b))
    scene.delegate('c', 2)
    scene.putPool({ ...pool, metadata: { ...pool.metadata, generation: 2 }, spec: { ...pool.spec, maxRunners: 1 } })
    scene.putPod(overPod(a))
    expect(scene.isIn('c')).to.equal(false)
    scene.putPod(overPod(b))
    expect(scene.isIn('c')).to.equal(true)
  })

  it('moves admitted jobs elsewhere when their pool is deleted before they have a Runner', () => {
    const scene = new Scene()
    const pool = scene.putPool(aPool({ metadata: { name: 'first' }, spec: { labels: ['a', 'b'] } }))
    scene.delegate('job', 0)
    scene.remove(pool)
    expect(scene.reasonOf('job')).to.match(/^NoMatchingPool/)
    scene.putPool(aPool({ metadata: { name: 'second' } }))
    expect(scene.scheduler.poolOf('ns/job')?.metadata.name).to.equal('second')
  })

  it('wakes the affected jobs, since their waiting reason has changed', () => {
    const scene = new Scene()
    scene.delegate('job', 0, { labels: ['gpu'] })
    scene.woken.length = 0
    scene.putPool(aPool({ spec: { labels: ['linux'] } }))
    expect(scene.woken).to.deep.equal(['job'])
  })

  it('in its status alone changes nothing', () => {
    const scene = new Scene()
    const pool = scene.putPool(aPool({ spec: { maxRunners: 0 } }))
    scene.delegate('job', 0)
    scene.woken.length = 0
    scene.putPool({ ...pool, status: { observedGeneration: 1 } })
    expect(scene.woken).to.deep.equal([])
  })
})

describe('a repository with a limit of its own', () => {
  function twoEach() {
    const scene = new Scene()
    const pool = scene.putPool(aPool({ spec: { maxRunners: 5, perRepository: { maxRunning: 2 } } }))
    for (const [index, name] of ['a1', 'a2', 'a3', 'b1'].entries())
      scene.delegate(name, index, { repository: name.startsWith('a') ? 'Owner/A' : 'owner/b' })
    return { scene, pool, admitted: (...names: string[]) => names.filter((name) => scene.isIn(name)) }
  }

  it('gets no more slots than that, and lets other repositories pass', () => {
    const { scene, admitted } = twoEach()
    expect(admitted('a1', 'a2', 'a3', 'b1')).to.deep.equal(['a1', 'a2', 'b1'])
    expect(scene.reasonOf('a3')).to.equal(
      'RepositoryLimit: RunnerPool pool runs as many jobs of this repository as it may at a time',
    )
  })

  it('is known by its name in any case', () => {
    const { scene } = twoEach()
    scene.delegate('a4', 9, { repository: 'owner/a' })
    expect(scene.reasonOf('a4')).to.match(/^RepositoryLimit/)
  })

  it('gets a slot again when a pod of it has ended', () => {
    const { scene, admitted } = twoEach()
    const job = scene.caches.jobs.get('ns/a1')
    if (job === undefined) throw new Error('no job')
    const runner = scene.start(job)
    scene.putPod(runningPod(runner))
    expect(admitted('a3')).to.deep.equal([])
    scene.putPod(overPod(runner))
    expect(admitted('a3')).to.deep.equal(['a3'])
  })

  it('has its limit counted from the objects: also by the next leader, and for pods whose Runner is gone', () => {
    const scene = new Scene()
    scene.stop()
    scene.putPool(aPool({ spec: { maxRunners: 5, perRepository: { maxRunning: 2 } } }))
    const job = scene.delegate('running', 0)
    const runner = scene.putRunner(aRunner({ job }))
    scene.putPod(runningPod(runner))
    scene.remove(runner)
    scene.delegate('next', 1)
    scene.delegate('last', 2)
    const restarted = new Scheduler({ caches: scene.caches, wake: () => undefined })
    restarted.begin()
    expect(['next', 'last'].map((name) => restarted.admissionOf(`ns/${name}`).is)).to.deep.equal([
      'admitted',
      'waiting',
    ])
  })

  it('gets more when the limit is raised or removed, and the waiting reason follows', () => {
    const { scene, pool, admitted } = twoEach()
    const metadata = { ...pool.metadata, generation: 2 }
    scene.putPool({ ...pool, metadata, spec: { ...pool.spec, perRepository: { maxRunning: 1 } } })
    expect(admitted('a1', 'a2', 'a3')).to.deep.equal(['a1'])
    const { perRepository: _, ...spec } = pool.spec
    scene.putPool({ ...pool, metadata: { ...pool.metadata, generation: 3 }, spec })
    expect(admitted('a1', 'a2', 'a3')).to.deep.equal(['a1', 'a2', 'a3'])
  })

  it('waits with PoolFull rather than RepositoryLimit where only the pool is in its way', () => {
    const scene = new Scene()
    scene.putPool(aPool({ spec: { maxRunners: 1, perRepository: { maxRunning: 2 } } }))
    for (const name of ['a', 'b', 'c']) scene.delegate(name, 0)
    expect([scene.reasonOf('b').split(':')[0], scene.reasonOf('c').split(':')[0]]).to.deep.equal([
      'PoolFull',
      'RepositoryLimit',
    ])
  })
})

describe('the order of waiting jobs', () => {
  /** Lets the admitted jobs run to their end, one at a time, and returns their names. */
  function run(scene: Scene, jobs: number): string[] {
    return Array.from({ length: jobs }, () => {
      const job = [...scene.caches.jobs.list()].find(({ metadata }) => scene.isIn(metadata.name))
      if (job === undefined) throw new Error('no job is admitted')
      const turn = scene.scheduler.turnOf(`ns/${job.metadata.name}`)
      const runner = scene.putRunner(aRunner({ job, ...(turn !== undefined && { spec: { turn } }) }))
      const now = at(99)
      const status = statusAfter(job, { phase: 'Completed', reason: 'Succeeded', message: '' }, { runner }, now)
      scene.putPod(overPod(runner))
      scene.putJob({ ...job, status })
      scene.remove(runner)
      return job.metadata.name
    })
  }

  it('is by priority, then fair, then by age; a change of the priority counts at once', () => {
    const scene = new Scene()
    scene.putPool(aPool({ spec: { maxRunners: 1, priorities: [{ priority: 3, workflow: 'Release' }] } }))
    const jobs = ['a1', 'a2', 'a3', 'b1'].map((name, index) =>
      scene.delegate(name, index, { repository: `o/${name.charAt(0)}` }),
    )
    scene.delegate('release', 4, { workflow: 'Release' })
    const [, , bumped] = jobs
    if (bumped === undefined) throw new Error('no job')
    scene.putJob({ ...bumped, spec: { ...bumped.spec, priority: 5 } })
    expect(run(scene, 5)).to.deep.equal(['a1', 'a3', 'release', 'b1', 'a2'])
  })

  it('is the same for the next leader, although the Runners of earlier jobs are gone', () => {
    const scene = new Scene()
    const weights = [{ repository: 'o/b', weight: 3 }]
    scene.putPool(aPool({ spec: { maxRunners: 1, perRepository: { weights } } }))
    for (const name of ['a', 'b', 'c'])
      for (let index = 0; index < 9; index++) scene.delegate(`${name}${index}`, index, { repository: `o/${name}` })
    run(scene, 7)
    scene.stop()
    const later = new FilledCaches()
    for (const job of [...scene.caches.jobs.list()].toReversed()) later.putJob(job)
    for (const pool of scene.caches.pools.list()) later.putPool(pool)
    const next = new PoolQueues(later.caches, () => false)
    for (const job of later.caches.jobs.list()) next.review(`ns/${job.metadata.name}`)
    const expected = next.of('ns/pool').order()
    expect(expected).to.have.length(20)
    watchCaches(scene.caches, new Workqueue({ clock: new HandClock() }), scene.scheduler)
    expect(run(scene, 20).map((name) => `ns/${name}`)).to.deep.equal(expected)
  })
})

describe('the positions of waiting jobs', () => {
  it('are announced where a status has one that is out of date, at most a hundred at a time', () => {
    const scene = new Scene()
    scene.putPool(aPool({ spec: { maxRunners: 0 } }))
    const jobs = Array.from({ length: 150 }, (_, index) => scene.delegate(`j${index}`, index))
    const written = (queuePosition: number) => {
      for (const job of jobs) scene.putJob({ ...job, status: { phase: 'Queued', queuePosition } })
      scene.woken.length = 0
    }
    expect(scene.scheduler.announcePositions('ns/pool'), 'none was written yet').to.equal(false)
    written(150)
    expect(scene.scheduler.announcePositions('ns/pool'), 'more').to.equal(true)
    expect(scene.woken).to.deep.equal(jobs.slice(0, 100).map(({ metadata }) => metadata.name))
    written(8)
    expect(scene.scheduler.announcePositions('ns/pool')).to.equal(false)
    expect(scene.woken).to.deep.equal(['j0', 'j1', 'j2', 'j3'])
    expect(scene.scheduler.admissionOf('ns/j3')).to.include({ queuePosition: 4 })
  })
})

describe('a paused pool', () => {
  it('admits no job, and takes back what it admitted to jobs without a Runner', () => {
    const scene = new Scene()
    const pool = scene.putPool(aPool())
    scene.delegate('admitted', 0)
    const started = scene.start(scene.delegate('started', 1))
    scene.woken.length = 0
    const paused = { ...pool, metadata: { ...pool.metadata, generation: 2 }, spec: { ...pool.spec, paused: true } }
    scene.putPool(paused)
    scene.delegate('later', 2)
    const reason = 'PoolPaused: RunnerPool pool is paused: no job starts in it'
    expect(['admitted', 'later'].map((name) => scene.reasonOf(name))).to.deep.equal([reason, reason])
    expect(scene.woken).to.include('admitted')
    expect(scene.caches.runners.get(`ns/${started.metadata.name}`), 'what has its Runner').to.not.equal(undefined)
    scene.putPool({ ...pool, metadata: { ...pool.metadata, generation: 3 } })
    expect(['admitted', 'later'].map((name) => scene.isIn(name))).to.deep.equal([true, true])
  })

  it('keeps its jobs although another pool fits', () => {
    const scene = new Scene()
    scene.putPool(aPool({ metadata: { name: 'special' }, spec: { labels: ['a', 'b'], paused: true } }))
    scene.putPool(aPool({ metadata: { name: 'other' }, spec: { labels: ['a'] } }))
    scene.delegate('job', 0, { labels: ['a'] })
    expect(scene.reasonOf('job')).to.match(/^PoolPaused: RunnerPool special/)
  })
})

describe('a deleted pool', () => {
  it('hands its waiting jobs to another that fits, and the rest wait with a reason', () => {
    const scene = new Scene()
    const pool = scene.putPool(aPool({ metadata: { name: 'first' }, spec: { maxRunners: 0, labels: ['a', 'b'] } }))
    scene.putPool(aPool({ metadata: { name: 'second' }, spec: { labels: ['a'] } }))
    scene.delegate('movable', 0, { labels: ['a'] })
    scene.delegate('special', 1, { labels: ['b'] })
    scene.delegate('bound', 2, { poolName: 'first' })
    scene.remove(pool)
    expect(scene.scheduler.poolOf('ns/movable')?.metadata.name).to.equal('second')
    expect(scene.reasonOf('special')).to.equal('NoMatchingPool: no RunnerPool offers the label "b"')
    expect(scene.reasonOf('bound')).to.equal('NoMatchingPool: there is no RunnerPool first')
  })
})

describe('the usage of a pool', () => {
  it('counts what runs, starts and waits, and knows the limits', () => {
    const scene = new Scene()
    scene.putPool(aPool({ spec: { maxRunners: 3, perRepository: { maxRunning: 2 } } }))
    for (const name of ['a1', 'a2', 'a3']) scene.delegate(name, 1, { repository: 'o/a' })
    scene.delegate('b1', 0, { repository: 'o/b' })
    const job = scene.caches.jobs.get('ns/a1')
    if (job === undefined) throw new Error('no job')
    scene.putPod(runningPod(scene.start(job)))
    expect(scene.scheduler.usageOf('ns/pool')).to.deep.equal({
      running: 1,
      starting: 2,
      queued: 1,
      oldestMs: at(1).getTime(),
      isRepositoryFull: true,
    })
    expect(scene.scheduler.usageOf('ns/none').queued).to.equal(0)
  })
})

describe('the message of a waiting job', () => {
  it('does not change with maxRunners, nor with other pools', () => {
    const scene = new Scene()
    const pool = scene.putPool(aPool({ spec: { maxRunners: 1, labels: ['linux'] } }))
    scene.putPool(aPool({ metadata: { name: 'closed' }, spec: { labels: ['secret'], repositories: ['other/*'] } }))
    const jobs = { first: ['linux'], second: ['linux'], strange: ['linux', 'gpu'], refused: ['secret'] }
    for (const [index, [name, labels]] of Object.entries(jobs).entries()) scene.delegate(name, index, { labels })
    const messages = () => ['second', 'strange', 'refused'].map((name) => scene.reasonOf(name))
    const before = messages()
    expect(before.map((text) => text.split(':')[0])).to.deep.equal(['PoolFull', 'NoMatchingPool', 'NoMatchingPool'])
    scene.putPool({ ...pool, metadata: { ...pool.metadata, generation: 2 }, spec: { ...pool.spec, maxRunners: 0 } })
    expect(scene.reasonOf('first')).to.equal(before[0])
    const closed = { labels: ['secret', 'x64'], repositories: ['others/*'] }
    const added = scene.putPool(aPool({ metadata: { name: 'another' }, spec: closed }))
    expect(messages()).to.deep.equal(before)
    scene.remove(added)
    expect(messages()).to.deep.equal(before)
  })
})

describe('the start window', () => {
  for (const reason of ['QuotaExceeded', 'AdmissionDenied', 'PodCreateFailed']) {
    it(`is not used up by Runners whose pods are refused for now (${reason})`, () => {
      const scene = new Scene(1)
      scene.putPool(aPool({ spec: { maxRunners: 5 } }))
      const runner = scene.start(scene.delegate('stuck', 0))
      scene.delegate('next', 1)
      expect(scene.isIn('next')).to.equal(false)
      scene.putRunner({ ...runner, status: { phase: 'Starting', reason } })
      expect(scene.isIn('next')).to.equal(true)
    })
  }

  function pools(scene: Scene, ...names: string[]): void {
    for (const name of names) scene.putPool(aPool({ metadata: { name } }))
  }

  it('limits the Runners without a pod; each pod admits the next job', () => {
    const scene = new Scene(2)
    pools(scene, 'pool')
    const jobs = ['a', 'b', 'c', 'd'].map((name, index) => scene.delegate(name, index))
    expect(scene.woken).to.deep.equal(['a', 'b'])
    const runners = jobs.slice(0, 2).map((job) => scene.start(job))
    expect(scene.woken).to.deep.equal(['a', 'b'])
    for (const runner of runners.slice(0, 1)) scene.putPod(aPod({ runner }))
    expect(scene.woken).to.deep.equal(['a', 'b', 'c'])
  })

  it('opens when a Runner’s pod is refused, or the Runner finishes or is deleted', () => {
    const scene = new Scene(1)
    pools(scene, 'pool')
    const [a, b] = ['a', 'b', 'c', 'd'].map((name, index) => scene.delegate(name, index))
    if (a === undefined || b === undefined) throw new Error('no job')
    scene.putRunner({ ...scene.start(a), status: { phase: 'Stopping', reason: 'InvalidPod' } })
    expect(scene.isIn('b')).to.equal(true)
    scene.start(b)
    scene.putJob({ ...b, status: { phase: 'Cancelled' } })
    expect(scene.isIn('c')).to.equal(true)
    const c = scene.caches.jobs.get('ns/c')
    if (c === undefined) throw new Error('no job')
    const runner = scene.start(c)
    scene.putJob({ ...c, status: { phase: 'Failed' } })
    scene.remove(runner)
    expect(scene.isIn('d')).to.equal(true)
  })

  it('reserves a share for each pool, however long the others take', () => {
    const scene = new Scene(32)
    for (const name of ['hanging', 'healthy']) scene.putPool(aPool({ metadata: { name }, spec: { maxRunners: 99 } }))
    for (let index = 0; index < 40; index++) scene.delegate(`h${index}`, index, { poolName: 'hanging' })
    expect(scene.woken).to.have.length(32)
    for (const job of ['a', 'b', 'c']) scene.delegate(job, 50, { poolName: 'healthy' })
    expect(['a', 'b', 'c'].map((name) => scene.isIn(name))).to.deep.equal([true, true, false])
    scene.putPod(aPod({ runner: scene.start(scene.delegate('a', 50, { poolName: 'healthy' })) }))
    expect(scene.isIn('c')).to.equal(true)
    expect(scene.isIn('h32')).to.equal(false)
  })

  it('is shared by the pools in turn, so that a long line does not starve a short one', () => {
    const scene = new Scene(1)
    for (const name of ['l1', 'l2', 'l3', 'l4']) scene.delegate(name, 0, { poolName: 'long' })
    for (const name of ['s1', 's2']) scene.delegate(name, 1, { poolName: 'short' })
    pools(scene, 'long', 'short')
    const order: string[] = []
    for (let turn = 0; turn < 6; turn++) {
      const name = scene.woken.at(-1) ?? ''
      order.push(name)
      const job = scene.caches.jobs.get(`ns/${name}`)
      if (job === undefined) throw new Error('no job')
      scene.putPod(aPod({ runner: scene.start(job) }))
    }
    expect(order).to.deep.equal(['l1', 's1', 'l2', 's2', 'l3', 'l4'])
  })
})

describe('a job that is tried again', () => {
  const attempt = { number: 1, poolName: 'pool', reason: 'Evicted', message: 'm', endedAt: stamp(5) }
  const waiting: RunnerJobStatus = { phase: 'Queued', reason: 'Retrying', attempts: [attempt] }

  it('leaves its slot to others until its pause is over, and then comes before younger jobs', () => {
    const scene = new Scene()
    scene.putPool(aPool({ spec: { maxRunners: 1 } }))
    const first = scene.delegate('first', 0)
    const runner = scene.start(first)
    const pod = scene.putPod(aPod({ runner }))
    for (const [index, name] of ['second', 'third'].entries()) scene.delegate(name, index + 1)
    const lost = { ...pod, status: { phase: 'Failed', reason: 'OutOfcpu' } }
    scene.putPod(lost)
    scene.putJob({ ...first, status: { ...waiting, nextAttemptAt: stamp(30) } })
    expect(['first', 'second'].map((name) => scene.isIn(name))).to.deep.equal([false, true])
    const other = scene.start(scene.delegate('second', 1))
    scene.putJob({ ...first, status: waiting })
    expect(scene.reasonOf('first')).to.equal(full)
    scene.putPod(overPod(other))
    expect(['first', 'third'].map((name) => scene.isIn(name))).to.deep.equal([true, false])
  })

  it('frees the slot of its last attempt when that has no pod, although its Runner is still there', () => {
    const scene = new Scene()
    scene.putPool(aPool({ spec: { maxRunners: 1 } }))
    const first = scene.delegate('first', 0)
    scene.start(first)
    scene.delegate('second', 1)
    expect(scene.isIn('second')).to.equal(false)
    scene.putJob({ ...first, status: { ...waiting, nextAttemptAt: stamp(30) } })
    expect(scene.isIn('second')).to.equal(true)
  })
})
