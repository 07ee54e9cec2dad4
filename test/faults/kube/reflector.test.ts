import { expect } from 'chai'
import { KubeClient } from '../../../src/kube/client/client.ts'
import { type ConfigMap, configMaps, newConfigMap } from '../../objects/config-maps.ts'
import { makeCustomKind } from '../../objects/custom-kind.ts'
import { eventually } from '../../observe/eventually.ts'
import { reflect, type Reflecting } from '../../observe/reflecting.ts'
import { openCluster, type TestCluster } from '../../processes/cluster.ts'
import { type FaultProxy, startFaultProxy } from '../proxy/proxy.ts'

const never = new AbortController().signal
/** The watch that continues after a WatchList, and one that starts from a version. */
const anyWatch = { path: /watch=true/ }
const listByWatch = { path: /sendInitialEvents=true/ }
const watchFromVersion = { path: /resourceVersion=\d/ }
const status = (code: number, reason: string): object => ({
  kind: 'Status',
  status: 'Failure',
  code,
  reason,
  message: reason,
})

describe('a reflector', () => {
  let cluster: TestCluster
  let proxy: FaultProxy
  let client: KubeClient
  let reflecting: Reflecting<ConfigMap>
  let test = 0

  /** Each test has its own label, so that none sees another's objects. */
  const labels = (): Record<string, string> => ({ test: `n${test}` })
  const begin = (idleMs?: number): void => {
    const options = { client, resource: configMaps, namespace: cluster.namespace, labelSelector: `test=n${test}` }
    reflecting = reflect(idleMs === undefined ? options : { ...options, idleMs })
  }
  const create = (name: string): Promise<ConfigMap> => {
    const object = newConfigMap(cluster.namespace, name)
    return cluster.client.create(configMaps, { ...object, metadata: { ...object.metadata, labels: labels() } }, never)
  }
  const me = (): RegExp => new RegExp(`^test-${test}$`)
  const remove = (name: string): Promise<void> =>
    cluster.client.delete(configMaps, { namespace: cluster.namespace, name }, {}, never)
  const synced = (): Promise<void> => reflecting.store.synced(AbortSignal.timeout(20_000))
  const changesAre = async (...changes: string[]): Promise<void> => {
    await eventually(() => reflecting.changes.join() === changes.join(), { what: changes.join() })
  }

  before(async () => {
    cluster = await openCluster()
    proxy = await startFaultProxy(cluster)
  })

  beforeEach(() => {
    test += 1
    client = new KubeClient(proxy.connection(), { userAgent: `test-${test}` })
  })

  afterEach(async () => {
    proxy.clear()
    await reflecting.stop()
    await client.close()
  })

  after(async () => {
    await proxy.close()
    await cluster.close()
  })

  it('resumes from its version when its watch breaks, without loss and without a new list', async () => {
    begin()
    await synced()
    const seen = await create(`break-a${test}`)
    await changesAre(`+break-a${test}`)
    proxy.when({ ...anyWatch, times: 1 }).cut()
    await create(`break-b${test}`)
    await changesAre(`+break-a${test}`, `+break-b${test}`)
    expect(reflecting.lists).to.deep.equal([0])
    expect(reflecting.failures).to.deep.equal(['Unreachable'])
    const { path } = await eventually(() => proxy.seen({ ...watchFromVersion, userAgent: me() })[0])
    expect(path).to.include(`resourceVersion=${seen.metadata.resourceVersion}&`)
    expect(path).to.include('allowWatchBookmarks=true').and.to.include('timeoutSeconds=300&') // and up to 600 by chance
  })

  it('loses nothing when its watch breaks inside a line', async () => {
    begin()
    await synced()
    const rule = proxy.when({ ...anyWatch, times: 1 }).cutMidLine()
    await create(`half${test}`)
    await changesAre(`+half${test}`)
    expect(rule.hits).to.equal(1)
    expect(reflecting.failures).to.deep.equal(['Unreachable'])
    expect(reflecting.lists).to.deep.equal([0])
  })

  it('restarts its first list whenever it breaks off, and then is complete', async () => {
    await Promise.all([create(`list-a${test}`), create(`list-b${test}`)])
    const rule = proxy.when({ ...listByWatch, times: 2 }).cutMidLine()
    begin()
    await synced()
    expect(rule.hits).to.equal(2)
    expect(reflecting.changes.toSorted()).to.deep.equal([`+list-a${test}`, `+list-b${test}`])
    await eventually(() => reflecting.lists.join() === '2')
  })

  it('lists again after a line that is not JSON', async () => {
    begin()
    await synced()
    const rule = proxy.when({ ...anyWatch, times: 1 }).rewrite((line) => line.replace('{', '<'))
    await create(`garbled${test}`)
    await changesAre(`+garbled${test}`)
    await eventually(() => reflecting.lists.length === 2, { what: 'another list' })
    expect(rule.hits).to.equal(1)
    expect(reflecting.failures).to.deep.equal(['Malformed'])
    expect(reflecting.lists).to.deep.equal([0, 1])
  })

  for (const [code, reason, name] of [
    [410, 'Expired', 'Gone'],
    [500, 'InternalError', 'ApiError'],
    [504, 'Timeout', 'ApiError'],
  ] as const) {
    it(`lists again after an error event ${code}, and shows what was deleted unseen`, async () => {
      await Promise.all([create(`gone${test}`), create(`kept${test}`)])
      begin()
      await synced()
      const stalled = proxy.when({ ...anyWatch, times: 1 }).stall()
      await remove(`gone${test}`)
      await create(`new${test}`)
      expect(
        proxy.when({ ...anyWatch, userAgent: me() }).emit({ type: 'ERROR', object: status(code, reason) }),
      ).to.equal(1)
      await eventually(() => reflecting.changes.length === 4, { what: 'the missed changes' })
      expect(stalled.hits).to.equal(1)
      expect(reflecting.changes.slice(2)).to.deep.equal([`+new${test}`, `-gone${test}`])
      expect(reflecting.failures).to.deep.equal([name])
      expect(reflecting.lists).to.deep.equal([2, 2])
    })
  }

  it('lists again when its version is answered with 410', async () => {
    await create(`expired${test}`)
    begin()
    await synced()
    const rule = proxy.when(watchFromVersion).answer(410, status(410, 'Expired'))
    proxy.when({ ...listByWatch, times: 1 }).cut()
    await eventually(() => reflecting.lists.length === 2)
    expect(rule.hits).to.equal(1)
    expect(reflecting.failures).to.deep.equal(['Unreachable', 'Gone'])
  })

  it('restarts a paged list when its continue token has expired', async () => {
    await Promise.all([create(`page-a${test}`), create(`page-b${test}`)])
    proxy.when(listByWatch).answer(422, status(422, 'Invalid'))
    // The first page has a continue token, which then expires.
    const first = proxy
      .when({ path: /limit=500/, times: 1 })
      .rewrite((text) => text.replace('"metadata":{', '"metadata":{"continue":"forgotten",'))
    const forgotten = proxy.when({ path: /continue=forgotten/ }).answer(410, status(410, 'Expired'))
    begin()
    await synced()
    expect([first.hits, forgotten.hits]).to.deep.equal([1, 1])
    expect(reflecting.store.size).to.equal(2)
    await create(`page-c${test}`)
    await eventually(() => reflecting.store.size === 3)
    expect(reflecting.failures).to.deep.equal(['PagesExpired'])
    const lists = proxy.seen({ path: /configmaps/, userAgent: me() }).filter(({ path }) => !path.includes('watch=true'))
    expect(lists.filter(({ path }) => !path.includes('limit=500'))).to.deep.equal([])
  })

  it('notices that its watch is idle, and starts another', async () => {
    begin(1000)
    await synced()
    const stalled = proxy.when({ ...anyWatch, times: 1 }).stall()
    await create(`unheard${test}`)
    await changesAre(`+unheard${test}`)
    expect(stalled.hits).to.equal(1)
    expect(reflecting.failures).to.include('Unreachable')
  })

  it('keeps a watch that sends anything in time, even only a bookmark', async () => {
    begin(2000)
    await synced()
    const object = { metadata: { resourceVersion: '1' } }
    const sendBookmark = (): void =>
      void proxy.when({ ...anyWatch, userAgent: me() }).emit({ type: 'BOOKMARK', object })
    const begun = performance.now()
    const longEnough = (): boolean => {
      sendBookmark()
      return performance.now() - begun > 5000
    }
    await eventually(longEnough, { everyMs: 300 })
    expect(reflecting.failures).to.deep.equal([])
  })

  it('notices a server that accepts the connection and never responds', async () => {
    await create(`mute${test}`)
    const stalled = proxy.when({ ...listByWatch, times: 2 }).stall()
    begin(500)
    await synced()
    expect(stalled.hits).to.equal(2)
    expect(reflecting.store.size).to.equal(1)
  })

  it('keeps retrying after any response, at least 0.8 s apart', async () => {
    const answers = [500, 503, 403, 429, 502].map((code, n) =>
      proxy.when({ ...listByWatch, nth: n + 1 }).answer(code, status(code, 'No')),
    )
    begin()
    await synced()
    expect(answers.map(({ hits }) => hits)).to.deep.equal([1, 1, 1, 1, 1])
    expect(reflecting.failures).to.deep.equal(['ApiError', 'ApiError', 'Forbidden', 'TooManyRequests', 'ApiError'])
    const times = proxy.seen({ ...listByWatch, userAgent: me() }).map(({ at }) => at)
    const gaps = times.slice(1).map((at, n) => at - (times[n] ?? 0))
    expect(Math.min(...gaps)).to.be.at.least(790)
  })

  it('waits as long as Retry-After requests', async () => {
    proxy.when({ ...listByWatch, times: 1 }).answer(429, status(429, 'TooManyRequests'), { 'retry-after': '2' })
    begin()
    await synced()
    const [first, second] = proxy.seen({ ...listByWatch, userAgent: me() })
    expect((second?.at ?? 0) - (first?.at ?? 0)).to.be.at.least(1990)
  })

  it('resumes from the last bookmark at once when its watch ends normally', async () => {
    begin()
    await synced()
    const begun = performance.now()
    const { resourceVersion } = await cluster.client.listPage(configMaps, cluster.namespace, {}, never)
    const mine = { ...anyWatch, userAgent: me() }
    proxy.when(mine).emit({ type: 'BOOKMARK', object: { metadata: { resourceVersion } } })
    await eventually(() => performance.now() - begun > 1100, { what: 'a watch that was not short' })
    proxy.when(mine).end()
    const next = await eventually(() => proxy.seen({ ...watchFromVersion, userAgent: me() })[0])
    // The server may have sent a later bookmark itself.
    const from = new URL(next.path, proxy.url).searchParams.get('resourceVersion')
    expect(Number(from)).to.be.at.least(Number(resourceVersion))
    expect(reflecting.failures).to.deep.equal([])
  })

  it('does not restart at once when its watch ends immediately', async () => {
    begin()
    await synced()
    const mine = { ...watchFromVersion, userAgent: me() }
    const ended = proxy.when({ ...mine, times: 2 }).answer(200, '')
    proxy.when({ ...listByWatch, times: 1 }).cut()
    await eventually(() => ended.hits === 2 && proxy.seen(mine).length > 2 && reflecting.failures.length === 3)
    expect(reflecting.failures).to.deep.equal(['Unreachable', 'Unreachable', 'Unreachable'])
    expect(reflecting.lists).to.deep.equal([0])
  })

  it('waits for a kind that is not served yet, and for a kind that is removed and added again', async () => {
    const kind = makeCustomKind()
    const { resource } = kind
    const things = reflect({ client, resource, namespace: cluster.namespace })
    begin()
    try {
      await eventually(() => things.failures.length >= 2)
      expect(new Set(things.failures)).to.deep.equal(new Set(['NotFound']))
      await kind.install(cluster.client)
      const metadata = { name: 'one', namespace: cluster.namespace }
      await cluster.client.create(resource, { apiVersion: `${resource.group}/v1`, kind: 'Thing', metadata }, never)
      await eventually(() => things.changes.includes('+one'), { withinMs: 20_000 })
      await kind.remove(cluster.client)
      await eventually(() => things.changes.includes('-one'), { withinMs: 20_000 })
    } finally {
      await things.stop()
    }
  })

  it('resolves a relist only by a list that started after the request', async () => {
    begin()
    await synced()
    const held = proxy.when({ ...listByWatch, times: 2 }).stall() // the open one, and the next
    const first = reflecting.reflector.relist(AbortSignal.timeout(30_000))
    await eventually(() => held.hits === 2, { what: 'the list of the first relist to be under way' })
    await create(`after-first${test}`)
    const second = reflecting.reflector.relist(AbortSignal.timeout(30_000))
    await second
    expect(reflecting.store.get(`${cluster.namespace}/after-first${test}`)).to.not.equal(undefined)
    await first
  })

  it('interrupts its back-off when a relist is requested', async () => {
    begin()
    await synced()
    proxy.when({ ...listByWatch, nth: 2 }).answer(429, status(429, 'TooManyRequests'), { 'retry-after': '600' })
    proxy.when(watchFromVersion).answer(429, status(429, 'TooManyRequests'), { 'retry-after': '600' })
    proxy.when({ ...listByWatch, times: 1 }).cut()
    await eventually(() => reflecting.failures.includes('TooManyRequests'))
    proxy.clear()
    await reflecting.reflector.relist(AbortSignal.timeout(10_000))
  })
})
