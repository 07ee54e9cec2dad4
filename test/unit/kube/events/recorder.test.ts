import { expect } from 'chai'
import { Lru } from '../../../../src/collections/lru.ts'
import { KubeClient } from '../../../../src/kube/client/client.ts'
import { LeaseLost } from '../../../../src/kube/client/errors.ts'
import { newEvent, type Occurrence } from '../../../../src/kube/events/event.ts'
import { EventRecorder } from '../../../../src/kube/events/recorder.ts'
import { TokenBucket } from '../../../../src/kube/events/token-bucket.ts'
import { RecordedLog } from '../../../documents/recorded-log.ts'
import { aConfigMap, configMaps } from '../../../objects/config-maps.ts'
import { eventually } from '../../../observe/eventually.ts'
import { WireTap } from '../../../observe/wire-tap.ts'

const at = new Date('2026-03-01T12:00:00.123Z')
const reporter = { component: 'runnerhub', instance: 'pod-1' }
const occurrence: Occurrence = { type: 'Warning', reason: 'ImagePull', message: 'not found', action: 'Wait' }
const about = { resource: configMaps, object: aConfigMap('subject', 7) }

describe('recorder: one Event', () => {
  it('has the occurrence, its object and its reporter', () => {
    const { metadata, ...event } = newEvent(about, occurrence, reporter, at)
    expect(event).to.deep.equal({
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      eventTime: '2026-03-01T12:00:00.123000Z',
      type: 'Warning',
      reason: 'ImagePull',
      action: 'Wait',
      note: 'not found',
      regarding: {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        namespace: 'ns',
        name: 'subject',
        uid: 'uid-of-subject',
        resourceVersion: '7',
      },
      reportingController: 'runnerhub',
      reportingInstance: 'pod-1',
    })
    expect(metadata.namespace).to.equal('ns')
    expect(metadata.name).to.match(/^subject\.[0-9a-f]{16}$/)
  })

  it('has a unique name per occurrence, and the same one when it is written again', () => {
    const nameOf = (change: Partial<Occurrence> = {}, time = at): string =>
      newEvent(about, { ...occurrence, ...change }, reporter, time).metadata.name
    const names = [nameOf(), nameOf({ message: 'other' }), nameOf({ reason: 'Other' }), nameOf({}, new Date(0))]
    expect(new Set(names).size).to.equal(4)
    expect(nameOf()).to.equal(names[0])
  })

  it('is in the namespace default when its object has none', () => {
    const { namespace: _, ...metadata } = about.object.metadata
    const event = newEvent({ ...about, object: { metadata } }, occurrence, reporter, at)
    expect(event.metadata.namespace).to.equal('default')
    expect(event.regarding).not.to.have.property('namespace')
  })

  it('keeps to the limits of the API server', () => {
    const long = 'x'.repeat(300)
    const event = newEvent(
      { ...about, object: aConfigMap(long.slice(0, 253), 1) },
      { ...occurrence, message: '日'.repeat(600), reason: long, action: '' },
      { component: 'runnerhub', instance: 'é'.repeat(300) },
      at,
    )
    expect(Buffer.byteLength(event.note)).to.be.within(1020, 1024)
    expect(event.note).to.match(/^日+…$/)
    for (const word of [event.reason, event.action, event.reportingInstance]) {
      expect(Buffer.byteLength(word)).to.equal(128)
    }
    expect(event.metadata.name).to.have.length(253)
  })

  it('keeps a text at the limit, and truncates a longer one between characters of every length', () => {
    const noteOf = (message: string): string => newEvent(about, { ...occurrence, message }, reporter, at).note
    expect(noteOf('x'.repeat(1024))).to.equal('x'.repeat(1024))
    for (const letter of ['x', 'é', '日', '😀']) expect(noteOf(letter.repeat(1100))).to.match(/^(x+|é+|日+|(😀)+)…$/)
  })
})

describe('recorder: caches and rate limits', () => {
  it('evicts the least recently used entry', () => {
    const lru = new Lru<string, number>(3)
    for (const [index, key] of ['a', 'b', 'c'].entries()) lru.set(key, index)
    expect(lru.get('a')).to.equal(0)
    lru.set('d', 3)
    expect(['a', 'b', 'c', 'd'].map((key) => lru.get(key))).to.deep.equal([0, undefined, 2, 3])
    lru.set('a', 9)
    expect(lru.get('a')).to.equal(9)
    expect(lru.size).to.equal(3)
  })

  it('allows a burst, then one per interval, and never saves up more than the burst', () => {
    const bucket = new TokenBucket(3, 1000, 0)
    const taken = (now: number, tries: number): boolean[] => Array.from({ length: tries }, () => bucket.take(now))
    expect(taken(0, 4)).to.deep.equal([true, true, true, false])
    expect(taken(999, 1)).to.deep.equal([false])
    expect(taken(1000, 2)).to.deep.equal([true, false])
    expect(taken(1_000_000, 4)).to.deep.equal([true, true, true, false])
  })
})

describe('recorder: a lost Lease', () => {
  it('drops the queued Events, without a request or a retry', async () => {
    const tap = await WireTap.open()
    const client = new KubeClient(tap.connection(), { userAgent: 'test' })
    const lost = new LeaseLost('the leadership has ended')
    const check = (): never => {
      throw lost
    }
    const guarded = client.guarded({ check, signal: AbortSignal.abort(lost) })
    const log = new RecordedLog()
    const recorder = new EventRecorder({ client: guarded, ...reporter, log })
    for (const message of ['one', 'two']) recorder.record(about, { ...occurrence, message })
    const stop = new AbortController()
    const ran = recorder.run(stop.signal)
    try {
      await eventually(() => log.lines.length === 2, { what: 'both to be dropped' })
      const dropped = { level: 'debug', reason: occurrence.reason, message: 'event dropped' }
      expect(log.lines).to.deep.equal([dropped, dropped])
      expect(tap.requests).to.deep.equal([])
    } finally {
      stop.abort()
      await ran
      await client.close()
      await tap.close()
    }
  })
})
