import { expect } from 'chai'
import { MANAGED_BY, MANAGED_BY_LABEL, OUTCOME_FINALIZER } from '../../../../src/api/names.ts'
import { controllerRef, type KubeObject } from '../../../../src/api/object.ts'
import type { Pod } from '../../../../src/api/pod.ts'
import { runnerJobs } from '../../../../src/api/runner-job.ts'
import { DriftAudit } from '../../../../src/controllers/audit/drift-audit.ts'
import type { DriftKind } from '../../../../src/domain/drift/drift.ts'
import { KubeClient } from '../../../../src/kube/client/client.ts'
import { asObject } from '../../../../src/kube/client/parse.ts'
import { aContainer, aJob, aPod, aRunner, at, ended, podStatus, running } from '../../../objects/builders.ts'
import { FilledCaches } from '../../../objects/stores.ts'
import { HandClock } from '../../../observe/clock.ts'
import { eventually } from '../../../observe/eventually.ts'
import { type TappedRequest, WireTap } from '../../../observe/wire-tap.ts'

const EVERY_MS = 10_000

const job = aJob({
  status: { phase: 'Running', runnerRef: { name: 'job-1', uid: 'job-1-uid' }, podUID: 'job-1-pod-uid' },
})
const runner = aRunner({
  job,
  metadata: {
    labels: { ...aRunner({ job }).metadata.labels, [MANAGED_BY_LABEL]: MANAGED_BY },
    ownerReferences: [controllerRef(runnerJobs, job)],
  },
  status: { phase: 'Busy', podUID: 'job-1-pod-uid' },
})
const whole = aPod({ runner, status: podStatus('Running', aContainer(running)) })
const stripped: Pod = { ...whole, metadata: { ...whole.metadata, finalizers: [], resourceVersion: '50' } }

/** The audit works on what is in the caches and on what the API server has. */
describe('the audit of drifts', () => {
  let tap: WireTap
  let client: KubeClient
  let clock: HandClock
  let stores: FilledCaches
  let stop: AbortController
  /** What the API server has, by kind and name. */
  let live: Record<string, KubeObject | undefined>
  let refuses: boolean
  let isStale: boolean
  let answered: number
  let counts: Readonly<Record<DriftKind, number>>
  let woken: string[]
  /** What waits for its turn to be reconciled. */
  let queued: string[]
  let notes: string[]
  let over: Promise<void>

  beforeEach(async () => {
    tap = await WireTap.open()
    client = new KubeClient(tap.connection(), { userAgent: 'test' })
    clock = new HandClock(at(100))
    stores = await new FilledCaches().fill()
    stop = new AbortController()
    live = { job, 'runners/job-1': runner, 'pods/job-1': whole }
    ;[refuses, isStale, answered, woken, queued, notes] = [false, false, 0, [], [], []]
    stores.putJob(job)
    stores.putRunner(runner)
    const { caches, log } = stores
    const reflectors = [
      { isBroken: () => isStale, lastContactMs: () => 0, run: async () => undefined, relist: async () => undefined },
    ]
    const deps = {
      client,
      caches: { ...caches, reflectors },
      clock,
      log,
      recorder: { record: (_: unknown, { message }: { message: string }) => void notes.push(message) },
      lostMessages: { add: () => undefined },
      wake: (kind: string, key: string) => void woken.push(`${kind} ${key}`),
      isQueued: (kind: string, key: string) => queued.includes(`${kind} ${key}`),
    }
    const options = { everyMs: EVERY_MS, onCounted: (now: typeof counts) => (counts = now) }
    over = new DriftAudit(deps, options, undefined).run(stop.signal)
  })
  afterEach(async () => {
    stop.abort(new Error('the test is over'))
    await over
    await client.close()
    await tap.close()
  })

  /** Lets time pass, second by second, and answers requests meanwhile. */
  async function pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second += 1) {
      await clock.advance(1000)
      await eventually(() => {
        for (const request of tap.requests.slice(answered)) {
          answered += 1
          answer(request)
        }
        return clock.timers > 0
      })
    }
  }

  function answer(request: TappedRequest): void {
    const [, kind = '', name = ''] = /(runnerjobs|runners|pods)\/([^?]+)/.exec(request.url) ?? []
    const key = kind === 'runnerjobs' ? name : `${kind}/${name}`
    const found = live[key]
    if (found === undefined) return request.answer(404, { kind: 'Status', code: 404, reason: 'NotFound' })
    if (request.method === 'GET') return request.answer(200, found)
    if (refuses) return request.answer(403, { kind: 'Status', code: 403, reason: 'Forbidden' })
    const metadata = asObject(asObject(JSON.parse(request.body))['metadata'])
    const changed = { ...found, metadata: { ...found.metadata, ...metadata, resourceVersion: '60' } }
    live[key] = changed
    request.answer(200, changed)
  }

  const writes = (): string[] => tap.requests.filter(({ method }) => method !== 'GET').map(({ body }) => body)

  it('asks nothing while everything fits', async () => {
    stores.putPod(whole)
    await pass(30)
    expect(tap.requests).to.deep.equal([])
    expect(notes).to.deep.equal([])
  })

  it('restores what a pod lost, counts and reports it, and counts nothing afterwards', async () => {
    stores.putPod(whole)
    stores.putPod(stripped)
    live['pods/job-1'] = stripped
    await pass(11)
    expect(counts).to.include({ pod: 1, runner: 0, job: 0 })
    expect(notes).to.deep.equal(['Pod job-1: it lacks its finalizer'])
    expect(writes().map((body) => asObject(JSON.parse(body)))).to.deep.equal([
      { metadata: { uid: 'job-1-pod-uid', resourceVersion: '50', finalizers: [OUTCOME_FINALIZER] } },
    ])
    await pass(20)
    expect(counts).to.include({ pod: 0 })
    expect(writes()).to.have.length(1)
  })

  it('leaves alone what is only younger than its cache: it looks twice', async () => {
    stores.putPod(whole)
    stores.putPod(stripped)
    await pass(7)
    stores.putPod(whole)
    await pass(15)
    expect(tap.requests).to.deep.equal([])
  })

  it('leaves alone what the API server shows otherwise', async () => {
    stores.putPod(whole)
    stores.putPod(stripped)
    live['pods/job-1'] = { ...whole, metadata: { ...whole.metadata, resourceVersion: '70' } }
    await pass(25)
    expect(tap.requests.length).to.be.above(0)
    expect([writes(), notes]).to.deep.equal([[], []])
    expect(counts).to.include({ pod: 0 })
  })

  it('writes nothing to an object that is gone by now', async () => {
    stores.putPod(whole)
    stores.putPod(stripped)
    live['pods/job-1'] = undefined
    await pass(12)
    expect([writes(), notes]).to.deep.equal([[], []])
    expect(counts).to.include({ pod: 0 })
  })

  it('goes on counting what it may not heal, and tries that again after ever longer pauses', async () => {
    refuses = true
    stores.putPod(whole)
    stores.putPod(stripped)
    live['pods/job-1'] = stripped
    const tries: number[] = []
    for (let audits = 0; audits < 8; audits += 1) {
      await pass(audits === 0 ? 11 : 15)
      tries.push(writes().length)
      expect(counts, `audit ${audits}`).to.include({ pod: 1 })
    }
    expect(tries).to.deep.equal([1, 2, 2, 3, 3, 3, 3, 4])
    expect(notes).to.have.length(4)
  })

  it('leaves what others heal to them for one audit, and then wakes them', async () => {
    stores.remove(stores.putJob(job))
    delete live['job']
    live['pods/job-1'] = undefined
    await pass(6)
    expect([woken, counts]).to.deep.equal([[], { job: 0, runner: 0, pod: 0, message: 0, log: 0 }])
    await pass(10)
    expect(woken).to.deep.equal(['runner ns/job-1'])
    expect(counts).to.include({ runner: 1, pod: 0 })
  })

  it('takes a pod for forgotten only if nobody is about to release it', async () => {
    live['job'] = stores.putJob({ ...job, status: { ...job.status, phase: 'Completed' } })
    live['pods/job-1'] = stores.putPod(aPod({ runner, status: podStatus('Succeeded', aContainer(ended(0))) }))
    queued = ['job ns/job']
    await pass(45)
    expect([tap.requests, woken, notes]).to.deep.equal([[], [], []])
    queued = []
    await pass(10)
    expect(woken).to.deep.equal([])
    await pass(10)
    expect(woken).to.deep.equal(['job ns/job'])
    expect(counts).to.include({ pod: 1, job: 0, runner: 0 })
    expect(notes).to.deep.equal(['Pod job-1: its job is over'])
  })

  it('touches no pod that another controller has taken, and counts it', async () => {
    const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'web-uid', controller: true }
    const taken = { ...stripped, metadata: { ...whole.metadata, resourceVersion: '50', ownerReferences: [owner] } }
    stores.putPod(whole)
    stores.putPod(taken)
    live['pods/job-1'] = taken
    await pass(11)
    expect(writes()).to.deep.equal([])
    expect(counts).to.include({ pod: 1 })
    expect(notes).to.deep.equal(['Pod job-1: ReplicaSet web controls it'])
  })

  it('finds a pod of a finished job that no cache has, and asks for one that is gone only once', async () => {
    live['job'] = stores.putJob({ ...job, status: { ...job.status, phase: 'Completed' } })
    live['pods/job-1'] = undefined
    await pass(25)
    const asked = tap.requests.length
    expect(asked).to.be.within(1, 3)
    await pass(30)
    expect(tap.requests).to.have.length(asked)
    expect(counts).to.include({ pod: 0 })
  })

  it('does nothing while the caches may be behind', async () => {
    isStale = true
    stores.putPod(whole)
    stores.putPod(stripped)
    await pass(25)
    expect(tap.requests).to.deep.equal([])
  })

  it('counts nothing any more once this process does not lead', async () => {
    refuses = true
    stores.putPod(whole)
    stores.putPod(stripped)
    live['pods/job-1'] = stripped
    await pass(11)
    expect(counts).to.include({ pod: 1 })
    stop.abort(new Error('the lease is lost'))
    await over
    expect(counts).to.deep.equal({ job: 0, runner: 0, pod: 0, message: 0, log: 0 })
  })
})
