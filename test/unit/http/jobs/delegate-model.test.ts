import { expect } from 'chai'
import * as fc from 'fast-check'
import type { Json } from '../../../../src/api/json.ts'
import { keyOf } from '../../../../src/api/object.ts'
import { type RunnerJob, runnerJobs } from '../../../../src/api/runner-job.ts'
import { isInScope, type JobScope, ownerOf } from '../../../../src/domain/job/ownership.ts'
import { isFinished } from '../../../../src/domain/job/phases.ts'
import { Delegator } from '../../../../src/http/jobs/delegate.ts'
import { KubeClient } from '../../../../src/kube/client/client.ts'
import { asObject, parseObject } from '../../../../src/kube/client/parse.ts'
import { nextTurn } from '../../../../src/kube/runtime/clock.ts'
import { facadeParts } from '../../../objects/facade-deps.ts'
import { FilledCaches } from '../../../objects/stores.ts'
import { HandClock } from '../../../observe/clock.ts'
import { WireTap } from '../../../observe/wire-tap.ts'

const START = '2026-01-02T00:00:00Z'
const forever = new AbortController().signal
const facts = { repository: 'owner/repo', runId: '1', jobId: '2' }

/** A caller, and whether it may use all jobs at that moment. */
interface Call {
  user: 'a' | 'b'
  isAll: boolean
}
type Step =
  | ({ do: 'delegate'; replica: 0 | 1 } & Call)
  | ({ do: 'delegate on both' } & Call)
  | { do: 'end'; isCompleted: boolean }
  | { do: 'deliver'; replica: 0 | 1; most: number }
  | { do: 'wait'; seconds: number }

const calls = { user: fc.constantFrom('a' as const, 'b' as const), isAll: fc.boolean() }
const replica = fc.constantFrom(0 as const, 1 as const)
const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('delegate' as const), replica, ...calls }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delegate on both' as const), ...calls }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('end' as const), isCompleted: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('deliver' as const), replica, most: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 20 }) }) },
)

/** The jobs of one delegation, as the API server has them, and two replicas whose caches and clocks lag. */
class Model {
  readonly #tap: WireTap
  readonly #client: KubeClient
  readonly #jobs = new Map<string, RunnerJob>()
  /** Every change, in order. */
  readonly #changes: RunnerJob[] = []
  readonly #replicas: { caches: FilledCaches; clock: HandClock; delegator: Delegator; seen: number }[] = []
  readonly #clock = new HandClock(START)
  #answered = 0
  #version = 10

  constructor(tap: WireTap, skewSeconds: number) {
    this.#tap = tap
    this.#answered = tap.requests.length
    this.#client = new KubeClient(tap.connection(), { userAgent: 'test' })
    for (const ms of [0, skewSeconds * 1000]) {
      const clock = new HandClock(new Date(Date.parse(START) + ms))
      const caches = new FilledCaches()
      const delegator = new Delegator(facadeParts({ client: this.#client, caches: caches.caches, clock }))
      this.#replicas.push({ caches, clock, delegator, seen: 0 })
    }
  }

  close(): Promise<void> {
    return this.#client.close()
  }

  async run(step: Step): Promise<void> {
    switch (step.do) {
      case 'delegate':
        return this.#delegate([step.replica], step)
      case 'delegate on both':
        return this.#delegate([0, 1], step)
      case 'end':
        return this.#end(step.isCompleted)
      case 'deliver':
        return this.#deliver(step.replica, step.most)
      case 'wait':
        for (const { advance } of this.#clocks()) await advance(step.seconds * 1000)
        return
      default:
        step satisfies never
    }
  }

  *#clocks() {
    for (const clock of [this.#clock, ...this.#replicas.map((each) => each.clock)])
      yield { advance: (ms: number) => clock.advance(ms) }
  }

  async #delegate(on: readonly number[], { user, isAll }: Call): Promise<void> {
    const scope: JobScope = isAll ? { is: 'all' } : { is: 'own', user }
    const delegation = { spec: facts, user, scope, idempotencyKey: undefined }
    const isMine = (job: RunnerJob): boolean => isInScope(ownerOf(job), scope)
    const known = [...this.#jobs.values()]
    const unfinished = known.filter((job) => !isFinished(job) && isMine(job))
    const before = this.#jobs.size
    const asked = this.#replicas.filter((_, nth) => on.includes(nth))
    const work = Promise.all(asked.map(({ delegator }) => delegator.delegate(delegation, forever)))
    const results = await this.#answering(work)
    const names = new Set(results.map(({ job }) => job.metadata.name))
    // While clocks disagree about the seconds after an end, one replica may return the old job and the other make the next.
    const going = new Set(results.filter(({ job }) => !isFinished(job)).map(({ job }) => job.metadata.name))
    expect(going.size, 'jobs of one call that are not over').to.be.at.most(1)
    expect(
      results.every(({ job }) => isMine(job)),
      'a job of its own',
    ).to.equal(true)
    const made = results.filter(({ replayed }) => !replayed).length
    expect(this.#jobs.size - before, 'jobs made, and calls that say so').to.equal(made)
    if (unfinished.length === 0) return
    expect(made, 'made beside an unfinished one').to.equal(0)
    const isOwn = (job: RunnerJob): boolean => isInScope(ownerOf(job), { is: 'own', user })
    const repeated = unfinished.some(isOwn) ? unfinished.filter(isOwn) : unfinished
    // Its own job that has just ended comes before one of another caller.
    if (!unfinished.some(isOwn) && known.some(isOwn)) return
    expect(repeated.map(({ metadata }) => metadata.name)).to.include.members([...names])
  }

  /** Plays the API server while the work goes on. */
  async #answering<R>(work: Promise<R>): Promise<R> {
    const state = { isOver: false }
    const ended = work.finally(() => (state.isOver = true))
    ended.catch(() => {})
    while (!state.isOver) {
      for (const request of this.#tap.requests.slice(this.#answered)) {
        this.#answered += 1
        const name = decodeURIComponent(request.url.split('?')[0]?.split('/').pop() ?? '')
        if (request.method === 'POST') {
          const made = this.#create(asObject(JSON.parse(request.body)))
          request.answer(made === undefined ? 409 : 201, made ?? { kind: 'Status', code: 409, reason: 'AlreadyExists' })
        } else {
          const job = this.#jobs.get(name)
          request.answer(job === undefined ? 404 : 200, job ?? { kind: 'Status', code: 404, reason: 'NotFound' })
        }
      }
      await nextTurn()
    }
    return ended
  }

  #create(body: Json): RunnerJob | undefined {
    const creationTimestamp = `${this.#clock.now().toISOString().slice(0, 19)}Z`
    const metadata = {
      ...asObject(body['metadata']),
      uid: `uid-${this.#version}`,
      creationTimestamp,
      resourceVersion: '1',
    }
    const job = parseObject(runnerJobs, { ...body, metadata, status: { phase: 'Queued' } })
    return this.#jobs.has(job.metadata.name) ? undefined : this.#store(job)
  }

  #store(job: RunnerJob): RunnerJob {
    this.#version += 1
    const stored = { ...job, metadata: { ...job.metadata, resourceVersion: String(this.#version) } }
    this.#jobs.set(job.metadata.name, stored)
    this.#changes.push(stored)
    return stored
  }

  #end(isCompleted: boolean): void {
    const job = [...this.#jobs.values()].find((each) => !isFinished(each))
    if (job === undefined) return
    const completedAt = this.#clock.now().toISOString()
    const reported = isCompleted ? { reported: { at: completedAt, completedAt } } : {}
    this.#store({ ...job, status: { ...job.status, phase: 'Completed', completedAt, ...reported } })
  }

  #deliver(nth: number, most: number): void {
    const to = this.#replicas[nth]
    if (to === undefined) return
    for (const job of this.#changes.slice(to.seen, to.seen + most)) {
      to.seen += 1
      const { jobs } = to.caches.caches
      jobs.upsert(job)
      jobs.advance(job.metadata.resourceVersion)
      expect(jobs.get(keyOf(job))).to.not.equal(undefined)
    }
  }
}

describe('delegations of the same job on two replicas, whose caches and clocks lag', () => {
  let tap: WireTap
  before(async () => {
    tap = await WireTap.open()
  })
  after(() => tap.close())

  it('make no second job beside one that is not over, whatever rights their callers have meanwhile', async function () {
    this.timeout('60s')
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { maxLength: 14 }), fc.integer({ min: -10, max: 10 }), async (taken, skew) => {
        const model = new Model(tap, skew)
        try {
          for (const step of taken) await model.run(step)
        } finally {
          await model.close()
        }
      }),
      { numRuns: 60 },
    )
  })
})
