import { expect } from 'chai'
import type { ObjectMeta } from '../../../../src/api/object.ts'
import type { Pod } from '../../../../src/api/pod.ts'
import type { RunnerJob, RunnerJobSpec } from '../../../../src/api/runner-job.ts'
import { AgentConfigMaps } from '../../../../src/controllers/pool/agent-config-maps.ts'
import { jobReconciler } from '../../../../src/controllers/job/reconcile.ts'
import { PodWarnings } from '../../../../src/controllers/pod/warnings.ts'
import { Scheduler } from '../../../../src/controllers/pool/scheduler.ts'
import { PodCreates } from '../../../../src/controllers/runner/pod-creates.ts'
import { PendingDeletions } from '../../../../src/controllers/totals/pending-deletions.ts'
import { KubeClient } from '../../../../src/kube/client/client.ts'
import { asObject } from '../../../../src/kube/client/parse.ts'
import { EventRecorder } from '../../../../src/kube/events/recorder.ts'
import { Workqueue } from '../../../../src/kube/queue/workqueue.ts'
import {
  aContainer,
  aJob,
  aPod,
  aPool,
  aRunner,
  at,
  ended,
  podStatus,
  running,
  stamp,
} from '../../../objects/builders.ts'
import { FilledCaches } from '../../../objects/stores.ts'
import { HandClock } from '../../../observe/clock.ts'
import { eventually } from '../../../observe/eventually.ts'
import { WireTap } from '../../../observe/wire-tap.ts'

const settings = { startTroubleMs: 1000, heartbeatMs: 1000, proxyForgetMs: 1000, maxProxies: 10 }

/** A list missed the pod, and no event comes: only the API server has it. */
describe('a running job whose pod the cache lacks', () => {
  let tap: WireTap
  let client: KubeClient

  beforeEach(async () => {
    tap = await WireTap.open()
    client = new KubeClient(tap.connection(), { userAgent: 'test' })
  })
  afterEach(async () => {
    await client.close()
    await tap.close()
  })

  /** Reconciles at second 100, and returns the writes. */
  async function pass(spec: Partial<RunnerJobSpec>, found = true, pool = aPool(), metadata: Partial<ObjectMeta> = {}) {
    const stores = new FilledCaches()
    const base = aJob({ spec })
    const runner = stores.putRunner(aRunner({ job: base, status: { phase: 'Busy', podUID: 'job-1-pod-uid' } }))
    const pod = aPod({ runner, metadata, status: podStatus('Running', aContainer(running)) })
    const runnerRef = { name: runner.metadata.name, uid: runner.metadata.uid }
    const at10 = { assignedAt: stamp(5), startedAt: stamp(10) }
    const job = stores.putJob(
      aJob({ spec, status: { phase: 'Running', runnerRef, podUID: pod.metadata.uid, ...at10 } }),
    )
    stores.putPool(pool)
    stores.caches.pods.advance('99')
    return passOver(stores, job, found ? pod : undefined)
  }

  /** Reconciles the job, for which the API server has this pod; in an urgent pass, other keys wait. */
  async function passOver(
    stores: FilledCaches,
    job: RunnerJob,
    pod: Pod | undefined,
    lane: 'urgent' | 'deferred' = 'deferred',
  ) {
    const { caches, log } = stores
    const clock = new HandClock(at(100))
    const scheduler = new Scheduler({ caches, wake: () => undefined })
    const pendingDeletions = new PendingDeletions(new Workqueue({ clock }))
    const recorder = new EventRecorder({ client, component: 'test', instance: 'test', clock, log })
    const signal = new AbortController().signal
    const podCreates = new PodCreates({ clock, mostPerPool: 1, wake: () => undefined })
    const podWarnings = new PodWarnings({ client, clock, log, wake: () => undefined, signal })
    const deps = {
      client,
      caches,
      recorder,
      clock,
      log,
      settings,
      random: () => 0,
      isBusy: () => lane === 'urgent',
      pendingDeletions,
      finishedJobs: { isSurplus: () => false },
      lostMessages: { has: () => false },
      podCreates,
      drainingNodes: { sight: 'none' as const, isDraining: () => undefined },
      podWarnings,
      agents: new AgentConfigMaps({ client, script: '' }),
      termBeganAt: at(0),
    }
    const reconcile = jobReconciler(deps, scheduler)
    const passing = reconcile('ns/job', { lane, signal: new AbortController().signal })
    let isOver = false
    void passing.catch(() => undefined).then(() => (isOver = true))
    const statuses: Record<string, unknown>[] = []
    const patched: Record<string, unknown>[] = []
    let answered = 0
    await eventually(() => {
      for (const { method, body, answer } of tap.requests.slice(answered)) {
        if (method === 'PUT') statuses.push(asObject(asObject(JSON.parse(body))['status']))
        if (method === 'PATCH') patched.push(asObject(asObject(JSON.parse(body))['metadata']))
        if (method === 'PUT') answer(200, { ...job, metadata: { ...job.metadata, resourceVersion: '200' } })
        else if (pod !== undefined) answer(200, pod)
        else answer(404, { kind: 'Status', code: 404, reason: 'NotFound' })
        answered += 1
      }
      return isOver
    })
    return { result: await passing, patched, written: statuses.map(({ phase, reason }) => [phase, reason].join(' ')) }
  }

  it('keeps running, and is requeued', async () => {
    const { result, written } = await pass({})
    expect(written.filter((status) => status !== 'Running Running')).to.deep.equal([])
    expect(result.requeueAfterMs).to.be.within(1, 1000)
  })

  it('gives its pod back what it has lost, and keeps running', async () => {
    const { written, patched } = await pass({}, true, aPool(), { ownerReferences: [], finalizers: [], labels: {} })
    expect(written.filter((status) => status !== 'Running Running')).to.deep.equal([])
    expect(patched).to.have.length(1)
    expect(patched[0]).to.have.all.keys('uid', 'resourceVersion', 'labels', 'finalizers', 'ownerReferences')
  })

  it('can be cancelled', async () => {
    expect((await pass({ cancel: true })).written).to.deep.equal(['Running CancelRequested'])
  })

  it('meets its deadline', async () => {
    expect((await pass({ timeoutSeconds: 60 })).written).to.deep.equal(['Failed JobTimeout'])
  })

  it('fails if the API server has none either', async () => {
    expect((await pass({ cancel: true }, false)).written).to.deep.equal(['Failed PodDeleted'])
  })

  it('is not tried again, unless the API server has none either', async () => {
    const retry = { maxAttempts: 3, backoffSeconds: 10, reasons: ['PodDeleted' as const] }
    const { written } = await pass({}, true, aPool({ spec: { retry } }))
    expect(written.filter((status) => status !== 'Running Running')).to.deep.equal([])
  })

  it('is tried again if the API server has none either, where its pool allows that', async () => {
    const retry = { maxAttempts: 3, backoffSeconds: 10, reasons: ['PodDeleted' as const] }
    expect((await pass({}, false, aPool({ spec: { retry } }))).written).to.deep.equal(['Queued Retrying'])
  })

  it('is tried again if its Runner was deleted as well', async () => {
    const stores = new FilledCaches()
    const on = ['PodDeleted' as const]
    stores.putPool(aPool({ spec: { retry: { maxAttempts: 3, backoffSeconds: 10, reasons: on } } }))
    const place = { runnerRef: { name: 'job-1', uid: 'gone' }, podUID: 'gone', poolName: 'pool' }
    const job = stores.putJob(aJob({ status: { phase: 'Running', ...place, startedAt: stamp(10) } }))
    expect((await passOver(stores, job, undefined)).written).to.deep.equal(['Queued Retrying'])
  })

  describe('while other keys wait', () => {
    /** Reconciles a job that its status has as assigned, and whose container has this state. */
    function late(state: typeof running) {
      const stores = new FilledCaches()
      stores.putPool(aPool())
      const base = aJob()
      const runner = stores.putRunner(aRunner({ job: base, status: { phase: 'Busy', podUID: 'job-1-pod-uid' } }))
      const phase = state.terminated === undefined ? 'Running' : 'Succeeded'
      const pod = aPod({ runner, status: podStatus(phase, aContainer(state)) })
      const runnerRef = { name: runner.metadata.name, uid: runner.metadata.uid }
      const job = stores.putJob(aJob({ status: { phase: 'Assigned', runnerRef, assignedAt: stamp(5) } }))
      stores.putPod(pod)
      return passOver(stores, job, pod, 'urgent')
    }

    it('has its end written at once', async () => {
      expect((await late(ended(0))).written).to.deep.equal(['Completed Succeeded'])
    })

    it('has its start written later', async () => {
      const { written, result } = await late(running)
      expect(written).to.deep.equal([])
      expect(result).to.deep.equal({ deferred: true })
    })
  })

  it('waits for the end of its TTL in the deferred lane, since a finished job is in no hurry', async () => {
    const stores = new FilledCaches()
    stores.putPool(aPool())
    const status = { phase: 'Completed', completedAt: stamp(40) } as const
    const job = stores.putJob(aJob({ spec: { ttlSecondsAfterFinished: 90 }, status }))
    const { result } = await passOver(stores, job, undefined, 'urgent')
    expect(result).to.deep.equal({ requeueAfterMs: 30_000, deferred: true })
  })

  describe('of its last attempt, after which it is tried again', () => {
    const attempt = { number: 1, poolName: 'pool', podUID: 'job-1-pod-uid', reason: 'Evicted', message: 'm' }

    /** The cache lacks the pod of the last attempt. */
    function next(pod: Pod | undefined) {
      const stores = new FilledCaches()
      const attempts = [{ ...attempt, endedAt: stamp(20) }]
      const job = aJob({ status: { reason: 'Retrying', message: 'm', attempts, nextAttemptAt: stamp(30) } })
      return passOver(stores, stores.putJob(job), pod)
    }

    it('keeps waiting if the API server has that pod', async () => {
      const { written, result } = await next(aPod())
      expect(written).to.deep.equal([])
      expect(result.requeueAfterMs).to.be.within(1, 1000)
    })

    it('goes into the queue if the API server has none', async () => {
      expect((await next(undefined)).written).to.deep.equal(['Queued Retrying'])
    })

    it('goes into the queue if the API server has that of another job', async () => {
      expect((await next(aPod({ metadata: { uid: 'other' } }))).written).to.deep.equal(['Queued Retrying'])
    })
  })
})
