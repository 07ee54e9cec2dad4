import { expect } from 'chai'
import { KubeClient } from '../../../src/kube/client/client.ts'
import { AlreadyExists, Unreachable } from '../../../src/kube/client/errors.ts'
import { type ConfigMap, configMaps, newConfigMap } from '../../objects/config-maps.ts'
import { eventually } from '../../observe/eventually.ts'
import { openCluster, type TestCluster } from '../../processes/cluster.ts'
import { type FaultProxy, startFaultProxy } from '../proxy/proxy.ts'

const never = new AbortController().signal

describe('a client', () => {
  let cluster: TestCluster
  let proxy: FaultProxy
  let client: KubeClient
  const create = (name: string, signal = never): Promise<ConfigMap> =>
    client.create(configMaps, newConfigMap(cluster.namespace, name), signal)

  before(async () => {
    cluster = await openCluster()
    proxy = await startFaultProxy(cluster)
    client = new KubeClient(proxy.connection(), { userAgent: 'test' })
  })

  afterEach(() => proxy.clear())

  after(async () => {
    await client.close()
    await proxy.close()
    await cluster.close()
  })

  it('throws Unreachable for a write whose response is lost, and does not retry it', async () => {
    proxy.when({ method: 'POST', times: 1 }).dropReply()
    expect(await outcomeOf(create('lost-answer'))).to.be.instanceOf(Unreachable)
    expect(proxy.seen({ method: 'POST' })).to.have.length(1)
    expect(await outcomeOf(create('lost-answer'))).to.be.instanceOf(AlreadyExists)
  })

  it('continues after its connections were cut', async () => {
    proxy.when({ path: /configmaps/, times: 3 }).cut()
    for (let n = 0; n < 3; n += 1) expect(await outcomeOf(create('cut'))).to.be.instanceOf(Unreachable)
    await create('cut')
  })

  it('does not wait for a response longer than its signal', async () => {
    const stalled = proxy.when({ method: 'POST' }).stall()
    const stop = new AbortController()
    const outcome = outcomeOf(create('stalled', stop.signal))
    await eventually(() => stalled.hits === 1)
    stop.abort('enough')
    expect(await outcome).to.equal('enough')
  })

  it('ends its stream with an error when the connection breaks, even without a listener', async () => {
    const stream = await client.stream(`/api/v1/namespaces/${cluster.namespace}/configmaps`, { watch: 'true' }, never)
    proxy.when({ path: /watch=true/ }).cut()
    await eventually(() => stream.destroyed)
    expect(stream.errored).to.be.instanceOf(Error)
  })

  it('waits out a 429 of the server, and then succeeds', async () => {
    const busy = { kind: 'Status', code: 429, reason: 'TooManyRequests' }
    const rule = proxy.when({ path: /configmaps/, times: 2 }).answer(429, busy, { 'retry-after': '1' })
    await create('served-later')
    expect(rule.hits).to.equal(2)
  })
})

function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: unknown) => error)
}
