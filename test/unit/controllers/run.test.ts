import { expect } from 'chai'
import { makeCaches } from '../../../src/cluster/caches.ts'
import { runControllers } from '../../../src/controllers/run.ts'
import { WentBack } from '../../../src/kube/cache/history.ts'
import { KubeClient } from '../../../src/kube/client/client.ts'
import { WriteDeadline } from '../../../src/kube/election/write-guard.ts'
import { RecordedLog } from '../../documents/recorded-log.ts'
import { HandClock } from '../../observe/clock.ts'
import { eventually } from '../../observe/eventually.ts'
import { WireTap } from '../../observe/wire-tap.ts'

const settings = { startTroubleMs: 1000, heartbeatMs: 1000, proxyForgetMs: 1000, maxProxies: 10 }

const audit = { everyMs: 1000, onCounted: () => undefined }

/** A term of a leader whose lists never get a response. */
describe('a term whose caches cannot be filled', () => {
  const clock = new HandClock()
  const log = new RecordedLog()
  let tap: WireTap
  let client: KubeClient
  let stop: AbortController

  beforeEach(async () => {
    tap = await WireTap.open()
    client = new KubeClient(tap.connection(), { userAgent: 'test' })
    stop = new AbortController()
  })
  afterEach(async () => {
    stop.abort(new Error('the test is over'))
    await client.close()
    await tap.close()
  })

  /** Resolves with the end of the term. */
  const begin = async () => {
    const caches = makeCaches({ client, namespace: 'ns', log, mostRepositories: 20 })
    for (const reflector of caches.reflectors) void reflector.run(stop.signal)
    const end: { error?: unknown } = {}
    const guard = new WriteDeadline(clock, Number.POSITIVE_INFINITY)
    const common = { client, caches, namespace: 'ns', identity: 'me', clock, log, workers: 1, settings }
    const options = { ...common, agentScript: '', onTerminating: () => undefined, audit }
    const ended = runControllers(options, { signal: stop.signal, guard }).catch((error: unknown) => (end.error = error))
    await eventually(() => tap.requests.length >= caches.reflectors.length, { what: 'the lists to be asked for' })
    return { end, ended, caches }
  }

  it('ends after two minutes, and not before, so that another replica may lead', async () => {
    const { end, ended } = await begin()
    await clock.advance(119_000)
    expect(end.error).to.equal(undefined)
    await clock.advance(1000)
    await ended
    expect(String(end.error)).to.include('the caches were not filled within 120 s')
  })

  it('ends at once with its Lease, with the reason of that', async () => {
    const { end, ended } = await begin()
    stop.abort(new Error('the lease is lost'))
    await ended
    expect(String(end.error)).to.equal('Error: the lease is lost')
  })

  it('begins again with new lists, in the same term, when the cluster was restored', async () => {
    const { end, ended, caches } = await begin()
    const { present } = caches.history
    const asked = tap.requests.length
    caches.history.wentBack(new WentBack('versions are older'))
    expect(present.aborted).to.equal(true)
    const isRead = () => tap.requests.slice(asked).filter(({ url }) => url.includes('limit=500')).length
    await eventually(() => isRead() >= caches.reflectors.length, { what: 'the new lists to be asked for' })
    await eventually(() => log.lines.some(({ message }) => message.startsWith('the cluster was restored')))
    expect(end.error).to.equal(undefined)
    stop.abort(new Error('the lease is lost'))
    await ended
    expect(String(end.error)).to.equal('Error: the lease is lost')
  })
})
