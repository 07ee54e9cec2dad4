import { expect } from 'chai'
import type { KubeObject, Resource } from '../../../src/api/object.ts'
import { KubeClient } from '../../../src/kube/client/client.ts'
import * as errors from '../../../src/kube/client/errors.ts'
import { type ConfigMap, configMaps, newConfigMap } from '../../objects/config-maps.ts'
import { makeCustomKind, type Thing } from '../../objects/custom-kind.ts'
import { openCluster, type TestCluster } from '../../processes/cluster.ts'

const never = new AbortController().signal
const pods: Resource = { group: '', version: 'v1', plural: 'pods', kind: 'Pod' }

describe('client against the API server', () => {
  let cluster: TestCluster
  let client: KubeClient
  let namespace: string
  const at = (name: string): { namespace: string; name: string } => ({ namespace, name })
  const create = (name: string, data?: Record<string, string>): Promise<ConfigMap> =>
    client.create(configMaps, newConfigMap(namespace, name, data), never)

  before(async () => {
    cluster = await openCluster()
    ;({ client, namespace } = cluster)
  })

  after(() => cluster.close())

  it('creates, reads, replaces, patches and deletes', async () => {
    const made = await create('life', { a: '1' })
    expect(await client.get(configMaps, at('life'), never)).to.deep.equal(made)
    const replaced = await client.replace(configMaps, { ...made, data: { a: '2', b: '2' } }, never)
    expect(replaced.data).to.deep.equal({ a: '2', b: '2' })
    const patch = [
      { op: 'test', path: '/data/a', value: '2' },
      { op: 'remove', path: '/data/a' },
    ] as const
    expect((await client.patchJson(configMaps, at('life'), patch, never)).data).to.deep.equal({ b: '2' })
    const merged = await client.patchMerge(configMaps, at('life'), { data: { b: null, c: '3' } }, never)
    expect(merged.data).to.deep.equal({ c: '3' })
    await client.delete(configMaps, at('life'), {}, never)
    expect(await outcomeOf(client.get(configMaps, at('life'), never))).to.be.instanceOf(errors.NotFound)
  })

  it('replaces an object from a list, which has no kind', async () => {
    await create('listed')
    const fieldSelector = 'metadata.name=listed'
    const { items } = await client.listPage(configMaps, namespace, { fieldSelector }, never)
    const [item] = items
    expect(item).to.not.have.any.keys('kind', 'apiVersion')
    const replaced = item && (await client.replace(configMaps, { ...item, data: { a: '1' } }, never))
    expect(replaced?.data).to.deep.equal({ a: '1' })
  })

  it('replaces only the status, and only of the version that it read', async () => {
    const kind = makeCustomKind()
    await kind.install(client)
    try {
      const { resource } = kind
      const apiVersion = `${resource.group}/v1`
      const made: Thing = await client.create(
        resource,
        { apiVersion, kind: 'Thing', metadata: { ...at('one'), labels: { kept: 'yes' } }, spec: { size: 1 } },
        never,
      )
      const running = await client.replaceStatus(
        resource,
        { ...made, spec: { size: 9 }, status: { phase: 'Running' } },
        never,
      )
      expect(running).to.deep.include({ spec: { size: 1 }, status: { phase: 'Running' } })
      expect(running.metadata.labels).to.deep.equal({ kept: 'yes' })
      const stale = client.replaceStatus(resource, { ...made, status: { phase: 'Stale' } }, never)
      expect(await outcomeOf(stale)).to.be.instanceOf(errors.Conflict)
      const patched = await client.patchMerge(resource, at('one'), { status: { phase: 'Done' } }, never, 'status')
      expect(patched.status).to.deep.equal({ phase: 'Done' })
    } finally {
      await kind.remove(client)
    }
  })

  it('deletes only the object with the given uid', async () => {
    const made = await create('incarnation')
    const wrong = client.delete(configMaps, at('incarnation'), { uid: 'another' }, never)
    expect(await outcomeOf(wrong)).to.be.instanceOf(errors.Conflict)
    await client.delete(
      configMaps,
      at('incarnation'),
      { uid: made.metadata.uid, propagationPolicy: 'Background' },
      never,
    )
  })

  it('creates nothing in a dry run, but fails as a create would', async () => {
    await client.dryRunCreate(configMaps, newConfigMap(namespace, 'dry'), never)
    expect(await outcomeOf(client.get(configMaps, at('dry'), never))).to.be.instanceOf(errors.NotFound)
    const invalid = client.dryRunCreate(configMaps, newConfigMap(namespace, 'Not A Name'), never)
    expect(await outcomeOf(invalid)).to.be.instanceOf(errors.Invalid)
  })

  it('lists in pages, all of one version', async () => {
    await Promise.all([1, 2, 3].map((n) => create(`page-${n}`)))
    const first = await client.listPage(configMaps, namespace, { limit: 2 }, never)
    expect(first.items).to.have.length(2)
    const rest = await client.listPage(configMaps, namespace, { continue: first.continue ?? '' }, never)
    expect(rest).to.include({ resourceVersion: first.resourceVersion }).and.not.have.property('continue')
  })

  it('maps each error response to its type, with the message of the server', async () => {
    await create('twice')
    const twice = await outcomeOf(create('twice'))
    expect(twice).to.be.instanceOf(errors.AlreadyExists).that.includes({ code: 409, reason: 'AlreadyExists' })
    expect(twice).to.have.property('details').that.deep.includes({ name: 'twice', kind: 'configmaps' })

    const nothing = { namespace, name: 'nothing' }
    expect(await outcomeOf(client.get(configMaps, nothing, never))).to.be.instanceOf(errors.NotFound)
    expect(await outcomeOf(client.listPage(makeCustomKind().resource, namespace, {}, never))).to.be.instanceOf(
      errors.NotFound,
    )
    expect(await outcomeOf(create('Upper Case'))).to.be.instanceOf(errors.Invalid)
    const compacted = client.listPage(configMaps, namespace, { limit: 1, continue: 'bm9uc2Vuc2U' }, never)
    expect(await outcomeOf(compacted))
      .to.be.instanceOf(errors.ApiError)
      .with.property('code', 400)
    const conflict = client.replace(configMaps, withVersion(await create('changed'), '1'), never)
    expect(await outcomeOf(conflict)).to.be.instanceOf(errors.Conflict)
  })

  it('distinguishes unauthorized from forbidden requests', async () => {
    const outcome = async (headers: Record<string, string>): Promise<unknown> => {
      const { tls } = await cluster.connection.credentials()
      const { cert: _, key: __, ...anonymous } = tls
      const access = { headers, tls: headers['authorization'] === undefined ? tls : anonymous }
      const other = new KubeClient(
        { server: cluster.connection.server, credentials: async () => access },
        { userAgent: 't' },
      )
      const result = await outcomeOf(other.get(configMaps, at('any'), never))
      await other.close()
      return result
    }
    expect(await outcome({ authorization: 'Bearer nonsense' })).to.be.instanceOf(errors.Unauthorized)
    expect(await outcome({ 'impersonate-user': 'nobody' })).to.be.instanceOf(errors.Forbidden)
  })

  it('maps errors of a stream and of a watch as those of any request', async () => {
    const log = `/api/v1/namespaces/${namespace}/pods/none/log`
    expect(await outcomeOf(client.stream(log, { follow: 'true' }, never))).to.be.instanceOf(errors.NotFound)
    const watch = client.watch(pods, namespace, { sendInitialEvents: true }, never)
    expect(await outcomeOf(watch.next())).to.be.instanceOf(errors.Invalid)
  })

  it('watches events in order, until its signal is aborted', async () => {
    const { resourceVersion } = await client.listPage(configMaps, namespace, {}, never)
    const stop = new AbortController()
    const options = { resourceVersion, fieldSelector: 'metadata.name=watched' }
    const watch = client.watch<ConfigMap & KubeObject>(configMaps, namespace, options, stop.signal)
    await create('unrelated')
    await create('watched')
    await client.patchMerge(configMaps, at('watched'), { data: { a: '1' } }, never)
    await client.delete(configMaps, at('watched'), {}, never)
    const types: string[] = []
    for await (const events of watch) {
      types.push(...events.map(({ type }) => type))
      if (types.length >= 3) break
    }
    expect(types).to.deep.equal(['ADDED', 'MODIFIED', 'DELETED'])

    const endless = client.watch(configMaps, namespace, {}, stop.signal)
    const next = outcomeOf(
      endless
        .next()
        .then(() => endless.next())
        .then(() => drain(endless)),
    )
    stop.abort('enough')
    expect(await next).to.equal('enough')
  })
})

async function drain(events: AsyncIterable<unknown>): Promise<number> {
  let count = 0
  for await (const _ of events) count += 1
  return count
}

function withVersion(object: ConfigMap, resourceVersion: string): ConfigMap {
  return { ...object, metadata: { ...object.metadata, resourceVersion } }
}

function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: unknown) => error)
}
