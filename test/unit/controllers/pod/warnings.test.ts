import { expect } from 'chai'
import type { Pod } from '../../../../src/api/pod.ts'
import { PodWarnings } from '../../../../src/controllers/pod/warnings.ts'
import { KubeClient } from '../../../../src/kube/client/client.ts'
import { RecordedLog } from '../../../documents/recorded-log.ts'
import { aContainer, aPod, running } from '../../../objects/builders.ts'
import { HandClock } from '../../../observe/clock.ts'
import { eventually } from '../../../observe/eventually.ts'
import { WireTap } from '../../../observe/wire-tap.ts'

function podNamed(name: string): Pod {
  return aPod({ metadata: { name, uid: `${name}-uid` } })
}

function eventAbout({ metadata: { uid } }: Pod, note: string) {
  const metadata = { name: `${uid}.1`, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' }
  return { metadata, type: 'Warning', reason: 'FailedMount', note, regarding: { uid }, eventTime: null }
}

describe('the Events of pods that are slow to start', () => {
  let tap: WireTap
  let client: KubeClient
  let stop: AbortController
  let clock: HandClock
  let log: RecordedLog
  let woken: string[]
  let warnings: PodWarnings

  beforeEach(async () => {
    tap = await WireTap.open()
    client = new KubeClient(tap.connection(), { userAgent: 'test' })
    stop = new AbortController()
    clock = new HandClock()
    log = new RecordedLog()
    woken = []
    const wake = (jobKey: string): void => void woken.push(jobKey)
    warnings = new PodWarnings({ client, clock, log, wake, signal: stop.signal })
  })
  afterEach(async () => {
    stop.abort()
    await client.close()
    await tap.close()
  })

  /** Responds to the next read. */
  async function answer(status: number, body: object): Promise<string> {
    const count = tap.requests.length
    await clock.advance(2000)
    const request = await eventually(() => tap.requests[count], { what: 'Events to be read' })
    request.answer(status, body)
    return request.url
  }

  const listOf = (...items: object[]) => ({ metadata: { resourceVersion: '1' }, items })

  it('are read by one list for all of them, and a pod that starts quickly costs no read', async () => {
    const [slow, other, quick] = ['slow', 'other', 'quick'].map(podNamed)
    if (slow === undefined || other === undefined || quick === undefined) throw new Error('no pods')
    for (const pod of [slow, other, quick]) warnings.look(`ns/${pod.metadata.name}`, pod)
    await clock.advance(1000)
    warnings.look('ns/quick', { ...quick, status: { containerStatuses: [aContainer(running)] } })
    await clock.advance(0)
    expect(tap.requests).to.have.length(0)
    const strange = podNamed('strange')
    const url = await answer(200, listOf(eventAbout(slow, 'no secret'), eventAbout(strange, 'no volume')))
    expect(url).to.include('/namespaces/ns/events?').and.to.include('type%3DWarning%2Cregarding.kind%3DPod')
    await eventually(() => woken.length > 0, { what: 'the job to be woken' })
    expect(woken).to.deep.equal(['ns/slow'])
    const expected = { reason: 'VolumeUnavailable', message: 'no secret', fatal: false }
    expect(warnings.look('ns/slow', slow)).to.deep.equal(expected)
    expect(warnings.look('ns/other', other)).to.equal(undefined)
    expect(warnings.look('ns/slow', podNamed('later')), 'of another pod of the job').to.equal(undefined)
  })

  it('are no longer read once all have started or were deleted', async () => {
    const pod = podNamed('slow')
    warnings.look('ns/slow', pod)
    await answer(200, listOf(eventAbout(pod, 'no secret')))
    await eventually(() => woken.length > 0, { what: 'the job to be woken' })
    warnings.look('ns/slow', undefined)
    await clock.advance(60_000)
    expect(tap.requests).to.have.length(1)
    expect(clock.timers).to.equal(0)
  })

  it('include those of its claims until it has a node', async () => {
    const pod = podNamed('slow')
    const { nodeName: _nodeName, ...spec } = pod.spec
    const volumes = [{ name: 'work', ephemeral: {} }]
    const unbound = { ...pod, spec: { ...spec, volumes } }
    warnings.look('ns/slow', unbound)
    await clock.advance(2000)
    await eventually(() => tap.requests.length === 2, { what: 'both lists to be asked for' })
    const [ofClaims, ofPods] = tap.requests.toSorted((a, b) => a.url.length - b.url.length).toReversed()
    expect(ofClaims?.url).to.include('regarding.kind%3DPersistentVolumeClaim')
    const about = { regarding: { uid: 'x', name: 'slow-work' }, reason: 'ProvisioningFailed' }
    ofClaims?.answer(200, listOf({ ...eventAbout(pod, 'no such class'), ...about }))
    ofPods?.answer(200, listOf())
    await eventually(() => woken.length > 0, { what: 'the job to be woken' })
    const expected = { reason: 'VolumeUnavailable', message: 'no such class', fatal: false }
    expect(warnings.look('ns/slow', unbound)).to.deep.equal(expected)
    expect(warnings.look('ns/slow', pod), 'once it has a node').to.equal(undefined)
  })

  it('are logged as unreadable once, and then read less often', async () => {
    warnings.look('ns/slow', podNamed('slow'))
    await answer(403, { message: 'forbidden' })
    await eventually(() => log.lines.length > 0, { what: 'a line in the log' })
    expect(log.lines).to.deep.equal([{ level: 'warn', message: 'cannot read Events of pods' }])
    const { length } = tap.requests
    await clock.advance(9000)
    expect(tap.requests).to.have.length(length)
  })
})
