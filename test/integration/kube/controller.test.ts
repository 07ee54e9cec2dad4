import { expect } from 'chai'
import { keyOf } from '../../../src/api/object.ts'
import { Conflict } from '../../../src/kube/client/errors.ts'
import { splitKey } from '../../../src/kube/client/resource-path.ts'
import {
  Controller,
  type ControllerOptions,
  type Outcome,
  type Reconcile,
} from '../../../src/kube/controller/controller.ts'
import { Workqueue } from '../../../src/kube/queue/workqueue.ts'
import { RecordedLog } from '../../documents/recorded-log.ts'
import { type ConfigMap, configMaps, newConfigMap } from '../../objects/config-maps.ts'
import { eventually } from '../../observe/eventually.ts'
import { reflect, type Reflecting } from '../../observe/reflecting.ts'
import { untilAborted } from '../../processes/candidate.ts'
import { openCluster, type TestCluster } from '../../processes/cluster.ts'

const never = new AbortController().signal

describe('controller on a cache of the API server', () => {
  let cluster: TestCluster
  let caches: Reflecting<ConfigMap>
  let labelSelector: string
  let log: RecordedLog
  let outcomes: Outcome[]
  let stop: AbortController
  let ran: Promise<void> = Promise.resolve()
  let tests = 0

  before(async () => {
    cluster = await openCluster()
  })

  after(() => cluster.close())

  beforeEach(async () => {
    tests += 1
    labelSelector = `test=${tests}`
    log = new RecordedLog()
    outcomes = []
    stop = new AbortController()
    caches = reflect({ ...cluster, resource: configMaps, labelSelector })
    await caches.store.synced(never)
  })

  afterEach(async () => {
    stop.abort()
    await ran
    await caches.stop()
  })

  async function create(name: string, data: Record<string, string>): Promise<ConfigMap> {
    const object = newConfigMap(cluster.namespace, `${name}-${tests}`, data)
    const metadata = { ...object.metadata, labels: { test: String(tests) } }
    return await cluster.client.create(configMaps, { ...object, metadata }, never)
  }

  function start(reconcile: Reconcile, options: Partial<ControllerOptions> = {}): void {
    const queue = new Workqueue()
    caches.store.onChange(({ key }) => queue.add(key))
    for (const object of caches.store.list()) queue.add(keyOf(object))
    const metrics = {
      depth: () => {},
      waited: () => {},
      passed: (_name: string, outcome: Outcome) => void outcomes.push(outcome),
    }
    ran = new Controller({ name: 'copies', queue, workers: 4, reconcile, log, metrics, ...options }).run(stop.signal)
  }

  /** Makes `got` equal to `wanted`, from the cache and with its resourceVersion. */
  const copy: Reconcile = async (key, { signal }) => {
    const object = caches.store.get(key)
    const { wanted = '', got } = object?.data ?? {}
    if (object === undefined || wanted === got) return {}
    caches.store.applyOwn(
      await cluster.client.replace(configMaps, { ...object, data: { ...object.data, got: wanted } }, signal),
    )
    return {}
  }

  const isCopied = async ({ metadata }: ConfigMap, wanted: string): Promise<boolean> => {
    const { data } = await cluster.client.get(configMaps, splitKey(keyOf({ metadata })), never)
    return data?.['got'] === wanted && data['wanted'] === wanted
  }

  it('reconciles every object, existing ones and new ones', async () => {
    const early = await create('early', { wanted: '1' })
    await eventually(() => caches.store.get(keyOf(early)))
    start(copy)
    const late = await create('late', { wanted: '2' })
    await eventually(async () => (await isCopied(early, '1')) && (await isCopied(late, '2')))
    expect(outcomes).not.to.include('error')
  })

  it('handles many conflicts without a warning', async () => {
    const object = await create('stormy', { wanted: '0', noise: '0' })
    start(copy)
    const key = splitKey(keyOf(object))
    for (let round = 1; round <= 60; round += 1) {
      const data = { wanted: String(round), noise: String(round) }
      await cluster.client.patchMerge(configMaps, key, { data }, never)
    }
    await eventually(() => isCopied(object, '60'))
    expect(outcomes.filter((outcome) => outcome !== 'success' && outcome !== 'conflict')).to.deep.equal([])
    expect(log.lines.filter(({ level }) => level !== 'debug')).to.deep.equal([])
  })

  it('counts a real conflict as a conflict, and retries', async () => {
    const object = await create('stale', { wanted: '1' })
    await eventually(() => caches.store.get(keyOf(object)))
    let conflicts = 0
    start(async (key, context) => {
      if (conflicts > 0) return await copy(key, context)
      conflicts += 1
      await cluster.client.patchMerge(configMaps, splitKey(key), { data: { noise: '1' } }, never)
      return await cluster.client
        .replace(configMaps, { ...object, data: { got: 'overwritten' } }, context.signal)
        .then(() => expect.fail('the server took a stale object'))
        .catch((error: unknown) => {
          expect(error).to.be.instanceOf(Conflict)
          throw error
        })
    })
    await eventually(() => isCopied(object, '1'))
    expect(outcomes[0]).to.equal('conflict')
  })

  it('aborts a reconcile and its request at its deadline, and the next one succeeds', async () => {
    const object = await create('slow', { wanted: '1' })
    let calls = 0
    start(
      async (key, context) => {
        calls += 1
        if (calls === 1) await cluster.client.stream(watchPath(), { watch: 'true' }, context.signal).then(drain)
        return await copy(key, context)
      },
      { passTimeoutMs: 200 },
    )
    await eventually(() => isCopied(object, '1'))
    expect(outcomes[0]).to.equal('error')
  })

  it('stops in the middle of requests, within moments', async () => {
    await Promise.all(Array.from({ length: 8 }, (_, index) => create(`busy-${index}`, { wanted: '1' })))
    await eventually(() => caches.store.size === 8)
    let waiting = 0
    start(async (_, context) => {
      waiting += 1
      await untilAborted(context)
      await cluster.client.get(configMaps, { namespace: cluster.namespace, name: 'any' }, context.signal)
      return {}
    })
    await eventually(() => waiting === 4)
    const stoppedAt = performance.now()
    stop.abort()
    await ran
    expect(performance.now() - stoppedAt).to.be.below(4000)
    expect(waiting).to.equal(4)
    expect(outcomes).to.deep.equal([])
  })

  const watchPath = (): string => `/api/v1/namespaces/${cluster.namespace}/secrets`
})

async function drain(body: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of body) continue
}
