import { expect } from 'chai'
import type { KubeClient } from '../../../src/kube/client/client.ts'
import { Unreachable } from '../../../src/kube/client/errors.ts'
import { type ConfigMap, configMaps, newConfigMap } from '../../objects/config-maps.ts'
import { eventually } from '../../observe/eventually.ts'
import { reflect, type Reflecting } from '../../observe/reflecting.ts'
import { type ControlPlane, startControlPlane } from '../../processes/control-plane.ts'

const never = new AbortController().signal
const outageMs = 6000

describe('the API server is killed and comes back 6 s later', () => {
  let controlPlane: ControlPlane
  let client: KubeClient
  const running: Reflecting<ConfigMap>[] = []

  const start = (idleMs?: number): Reflecting<ConfigMap> => {
    const options = { client, resource: configMaps, namespace: 'default' }
    const reflecting = reflect(idleMs === undefined ? options : { ...options, idleMs })
    running.push(reflecting)
    return reflecting
  }
  const create = (name: string): Promise<ConfigMap> => client.create(configMaps, newConfigMap('default', name), never)
  const has = ({ store }: Reflecting<ConfigMap>, name: string): boolean => store.get(`default/${name}`) !== undefined

  before(async function () {
    this.timeout(180_000)
    controlPlane = await startControlPlane()
    client = controlPlane.client()
  })

  after(async () => {
    await Promise.all(running.map((reflecting) => reflecting.stop()))
    await controlPlane.stop()
  })

  it('and the caches resume: the old one, and one that started during the outage', async function () {
    this.timeout(120_000)
    const old = start()
    await old.store.synced(never)
    await create('before')
    await eventually(() => has(old, 'before'))

    const killedAt = performance.now()
    await controlPlane.killApiServer()
    expect(await create('during').catch((error: unknown) => error)).to.be.instanceOf(Unreachable)
    await eventually(() => old.failures.length > 0, { what: 'the old watch to break' })
    const begunInOutage = start()
    await eventually(() => performance.now() - killedAt >= outageMs, {
      withinMs: outageMs + 1000,
      what: 'the outage to last',
    })
    expect(has(old, 'before')).to.equal(true)
    expect(begunInOutage.store.hasSynced()).to.equal(false)

    await controlPlane.startApiServer()
    await client.delete(configMaps, { namespace: 'default', name: 'before' }, {}, never)
    await create('after')
    for (const reflecting of [old, begunInOutage]) {
      await eventually(() => has(reflecting, 'after') && !has(reflecting, 'before'), {
        withinMs: 35_000,
        what: 'the cache to be up to date',
      })
    }
    expect(old.changes.filter((change) => change.includes('before'))).to.deep.equal(['+before', '-before'])
  })

  it('and its store is restored from a snapshot: the caches follow it back, without a restart', async function () {
    this.timeout(120_000)
    const following = start(3000)
    await following.store.synced(never)
    await controlPlane.saveSnapshot()
    // More than the restored server writes for itself: its versions must not catch up meanwhile.
    const lost = await Promise.all(Array.from({ length: 300 }, (_, index) => create(`lost-${index}`)))
    await eventually(() => lost.every(({ metadata }) => has(following, metadata.name)) && has(following, 'after'))

    await controlPlane.restoreSnapshot()
    const first = await create('new')
    const newest = Math.max(...lost.map(({ metadata }) => Number(metadata.resourceVersion)))
    expect(Number(first.metadata.resourceVersion), 'versions went back').to.be.below(newest)
    const isRestored = (): boolean =>
      has(following, 'new') && has(following, 'after') && !lost.some(({ metadata }) => has(following, metadata.name))
    await eventually(isRestored, { withinMs: 40_000, what: 'the cache to be that of the restored store' })
    await client.delete(configMaps, { namespace: 'default', name: 'new' }, {}, never)
    await eventually(() => !has(following, 'new'), { what: 'its watch to go on' })
  })
})
