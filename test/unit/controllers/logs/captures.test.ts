import { expect } from 'chai'
import { OUTCOME_FINALIZER } from '../../../../src/api/names.ts'
import type { Pod } from '../../../../src/api/pod.ts'
import { ArchiveWriter } from '../../../../src/archive/writer.ts'
import { LogCaptures } from '../../../../src/controllers/logs/captures.ts'
import { Redactor } from '../../../../src/domain/log/redaction.ts'
import { KubeClient } from '../../../../src/kube/client/client.ts'
import { aContainer, aJob, aPod, aRunner, ended, podStatus, stamp } from '../../../objects/builders.ts'
import { MemoryStore } from '../../../objects/memory-store.ts'
import { FilledCaches } from '../../../objects/stores.ts'
import { HandClock } from '../../../observe/clock.ts'
import { eventually } from '../../../observe/eventually.ts'
import { collectGarbage } from '../../../observe/heap.ts'
import { WireTap } from '../../../observe/wire-tap.ts'

const job = aJob()
const runner = aRunner({ job })
const attempt = { namespace: 'ns', jobName: 'job', jobUid: job.metadata.uid, podUid: 'job-1-pod-uid' }

describe('captures of logs', () => {
  let tap: WireTap
  let client: KubeClient
  let stores: FilledCaches
  let captures: LogCaptures
  let store: MemoryStore
  let term: AbortController
  let woken: string[]
  let stop: () => void

  beforeEach(async () => {
    tap = await WireTap.open()
    client = new KubeClient(tap.connection(), { userAgent: 'test' })
    stores = await new FilledCaches().fill()
    store = new MemoryStore()
    term = new AbortController()
    woken = []
    const { caches, log } = stores
    captures = new LogCaptures({
      client,
      caches,
      store,
      redactor: () => new Redactor(),
      clock: new HandClock(),
      log,
      maxStreams: 1,
      deadlineMs: 60_000,
      wake: ({ pod }) => void woken.push(pod),
      onLost: () => undefined,
      signal: term.signal,
    })
    stores.putJob(job)
    stores.putRunner(runner)
    // An earlier leader has stored the log.
    const persist = (name: string, part: Buffer): Promise<void> => store.put(attempt, name, part)
    await new ArchiveWriter({ limits: store.limits, persist }).end('whole', term.signal)
  })
  afterEach(async () => {
    stop()
    term.abort(new Error('the test is over'))
    await client.close()
    await tap.close()
  })

  const ofVersion = (resourceVersion: string, finalizers: string[]): Pod => {
    const pod = aPod({ runner, status: podStatus('Succeeded', aContainer(ended(0))) })
    return { ...pod, metadata: { ...pod.metadata, finalizers, resourceVersion } }
  }

  it('keep how each has ended for as long as its pod exists, but not the pod as it was', async () => {
    stores.putPod(ofVersion('10', [OUTCOME_FINALIZER]))
    const first = new WeakRef(stores.caches.pods.get('ns/job-1') ?? expect.fail('no pod'))
    stop = captures.begin()
    await eventually(() => woken.length === 1)
    const released = stores.putPod(ofVersion('20', []))
    expect(captures.of(released)).to.include({ is: 'captured' })
    await eventually(() => {
      collectGarbage()
      return first.deref() === undefined
    })
    stores.remove(released)
    expect(captures.of(released)).to.deep.equal({ is: 'none' })
  })

  for (const [status, is] of [
    ['True', 'captured'],
    ['False', 'unavailable'],
  ] as const)
    it(`take what an earlier leader wrote for final: ${is}`, async () => {
      const condition = {
        type: 'LogCaptured',
        status,
        reason: 'Any',
        message: 'so it is',
        lastTransitionTime: stamp(1),
      }
      const over = { phase: 'Completed', podUID: 'job-1-pod-uid', conditions: [condition] } as const
      stores.putJob({ ...job, status: { ...over, conditions: [...over.conditions] } })
      const pod = stores.putPod(ofVersion('10', [OUTCOME_FINALIZER]))
      stop = captures.begin()
      expect(captures.of(pod)).to.deep.equal({ is, message: 'so it is' })
      expect([store.asked, woken]).to.deep.equal([[], []])
    })
})
