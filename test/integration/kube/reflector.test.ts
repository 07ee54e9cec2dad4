import { expect } from 'chai'
import { KubeClient } from '../../../src/kube/client/client.ts'
import { type ConfigMap, configMaps, newConfigMap } from '../../objects/config-maps.ts'
import { eventually } from '../../observe/eventually.ts'
import { reflect, type Reflecting } from '../../observe/reflecting.ts'
import { openCluster, type TestCluster } from '../../processes/cluster.ts'

const never = new AbortController().signal

describe('reflector', () => {
  let cluster: TestCluster
  let client: KubeClient
  const running: Reflecting<ConfigMap>[] = []

  const start = (
    options: { labelSelector?: string; fieldSelector?: string; client?: KubeClient } = {},
  ): Reflecting<ConfigMap> => {
    const reflecting = reflect({ client, resource: configMaps, namespace: cluster.namespace, ...options })
    running.push(reflecting)
    return reflecting
  }
  const create = (name: string, labels: Record<string, string> = {}): Promise<ConfigMap> => {
    const object = newConfigMap(cluster.namespace, name)
    return client.create(configMaps, { ...object, metadata: { ...object.metadata, labels } }, never)
  }
  const label = (name: string, labels: Record<string, string | null>): Promise<ConfigMap> =>
    client.patchMerge(configMaps, { namespace: cluster.namespace, name }, { metadata: { labels } }, never)
  const remove = (name: string): Promise<void> =>
    client.delete(configMaps, { namespace: cluster.namespace, name }, {}, never)
  const names = ({ store }: Reflecting<ConfigMap>): string[] =>
    [...store.list()].map(({ metadata }) => metadata.name).toSorted()
  const settled = (reflecting: Reflecting<ConfigMap>): Promise<void> =>
    reflecting.store.synced(AbortSignal.timeout(10_000))

  before(async () => {
    cluster = await openCluster()
    client = cluster.client
  })

  afterEach(() => Promise.all(running.splice(0).map((reflecting) => reflecting.stop())))
  after(() => cluster.close())

  it('shows the existing objects, then every change, once', async () => {
    const selector = { labelSelector: 'test=every-change' }
    const labels = { test: 'every-change' }
    await create('there', labels)
    const reflecting = start(selector)
    await settled(reflecting)
    expect(reflecting.changes).to.deep.equal(['+there'])
    await create('new', labels)
    await label('there', { more: '1' })
    await remove('there')
    await eventually(() => reflecting.changes.length >= 4)
    expect(reflecting.changes).to.deep.equal(['+there', '+new', '~there', '-there'])
    expect(reflecting.failures).to.deep.equal([])
    expect(reflecting.store.get(`${cluster.namespace}/new`)?.metadata).to.not.have.property('managedFields')
  })

  it('lists by WatchList, in one request', async () => {
    const requests: string[] = []
    const counting = new KubeClient(cluster.connection, {
      userAgent: 'test',
      onRequest: ({ verb }) => requests.push(verb),
    })
    const reflecting = start({ client: counting })
    await settled(reflecting)
    await create('lists-by-watch')
    await eventually(() => reflecting.changes.includes('+lists-by-watch'))
    expect(requests).to.deep.equal(['watch'])
    await reflecting.stop()
    await counting.close()
  })

  it('adds and removes an object as its labels start and stop to match', async () => {
    const reflecting = start({ labelSelector: 'test=come-and-go' })
    await settled(reflecting)
    await create('matches-later')
    await label('matches-later', { test: 'come-and-go' })
    await label('matches-later', { test: null })
    await eventually(() => reflecting.changes.length >= 2)
    expect(reflecting.changes).to.deep.equal(['+matches-later', '-matches-later'])
  })

  it('shows only objects that its field selector matches', async () => {
    const reflecting = start({ fieldSelector: 'metadata.name=only-this' })
    await settled(reflecting)
    await Promise.all([create('not-this'), create('only-this')])
    await eventually(() => reflecting.changes.length > 0)
    expect(names(reflecting)).to.deep.equal(['only-this'])
  })

  it('never shows an own write older than it is, nor twice', async () => {
    const reflecting = start({ labelSelector: 'test=own' })
    await settled(reflecting)
    reflecting.store.applyOwn(await create('own', { test: 'own' }))
    expect(names(reflecting)).to.deep.equal(['own'])
    reflecting.store.applyOwn(await label('own', { n: '2' }))
    await create('later', { test: 'own' })
    await eventually(() => reflecting.changes.includes('+later'))
    expect(reflecting.changes).to.deep.equal(['+own', '~own', '+later'])
  })

  it('has all writes from before a relist once it resolves', async () => {
    const reflecting = start({ labelSelector: 'test=relist' })
    await settled(reflecting)
    for (let round = 1; round <= 5; round += 1) {
      await create(`relist-${round}`, { test: 'relist' })
      await reflecting.reflector.relist(AbortSignal.timeout(10_000))
      expect(names(reflecting)).to.have.length(round)
    }
    expect(reflecting.lists).to.deep.equal([0, 1, 2, 3, 4, 5])
    await create('after-relist', { test: 'relist' })
    await eventually(() => reflecting.changes.includes('+after-relist'))
  })

  it('serves concurrent relists, also before it runs', async () => {
    const reflecting = start({ labelSelector: 'test=many' })
    await Promise.all([1, 2, 3].map(() => reflecting.reflector.relist(AbortSignal.timeout(10_000))))
    expect(reflecting.store.hasSynced()).to.equal(true)
    const outcome = reflecting.reflector.relist(AbortSignal.abort('no')).catch((error: unknown) => error)
    expect(await outcome).to.equal('no')
  })

  it('has the time of its last contact with the server', async () => {
    const reflecting = start()
    expect(reflecting.reflector.lastContactMs()).to.equal(undefined)
    await settled(reflecting)
    const atList = reflecting.reflector.lastContactMs()
    await create('contact')
    await eventually(() => reflecting.changes.includes('+contact'))
    expect(reflecting.reflector.lastContactMs()).to.be.greaterThan(atList ?? Infinity)
  })

  it('ends with its signal, while it waits for a change and while it waits for the server', async () => {
    const reflecting = start()
    await settled(reflecting)
    await reflecting.stop()
    const nowhere = new KubeClient(
      { ...cluster.connection, server: new URL('https://127.0.0.1:1') },
      { userAgent: 'test' },
    )
    const unreachable = start({ client: nowhere })
    await eventually(() => unreachable.failures.length > 0)
    await unreachable.stop()
    expect(unreachable.failures[0]).to.equal('Unreachable')
    await nowhere.close()
  })
})
