import { expect } from 'chai'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { runnerPools } from '../../../src/api/runner-pool.ts'
import type { KubeClient } from '../../../src/kube/client/client.ts'
import { Unreachable } from '../../../src/kube/client/errors.ts'
import { type ConfigMap, configMaps, newConfigMap } from '../../objects/config-maps.ts'
import { exited, exits, ignored, runs } from '../../kubelet/script.ts'
import { eventually } from '../../observe/eventually.ts'
import { reflect, type Reflecting } from '../../observe/reflecting.ts'
import type { ControlPlane } from '../../processes/control-plane.ts'
import type { Operator } from '../../processes/operator.ts'
import { openSite, type Site } from '../../site/site.ts'

const never = new AbortController().signal
const outageMs = 6000

describe('the API server is killed and comes back 6 s later', () => {
  let site: Site
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
    site = await openSite()
    ;({ controlPlane } = site.plane)
    client = controlPlane.client()
  })

  after(async () => {
    await Promise.all(running.map((reflecting) => reflecting.stop()))
    await site.close()
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

  /** Four jobs whose snapshot is taken in between, with what became of them before the restore. */
  async function liveThrough(operator: Operator): Promise<void> {
    site.kubelet.onPod(() => runs())
    for (const job of ['over', 'ends', 'runs']) {
      await site.createJob(job)
      // The watch of the kubelet may still rest after the outage of the other test.
      await site.jobIs(job, { phase: 'Running' }, 35_000)
    }
    site.kubelet.onPod(() => ignored())
    await site.createPool('closed', { maxRunners: 0 })
    await site.createJob('waits', { poolName: 'closed' })
    await site.kubelet.apply('over-1', (pod) => exited(pod, 0))
    await site.jobIs('over', { phase: 'Completed' })
    await controlPlane.saveSnapshot()

    await site.kubelet.apply('ends-1', (pod) => exited(pod, 3))
    await site.jobIs('ends', { phase: 'Failed', exitCode: 3 })
    await site.client.patchMerge(
      runnerPools,
      { namespace: site.namespace, name: 'closed' },
      { spec: { maxRunners: 10 } },
      never,
    )
    site.kubelet.onPod(() => exits(4))
    await site.jobIs('waits', { phase: 'Failed', exitCode: 4 })
    await site.createJob('forgotten')
    await site.jobIs('forgotten', { phase: 'Failed' })
    expect(operator.isRunning).to.equal(true)
  }

  it('and its store is restored from a snapshot: caches and jobs follow it back, without a restart', async function () {
    this.timeout(180_000)
    await site.createPool('default')
    // Its term outlasts the restore, and its Lease goes back too.
    const operator = await site.operator({ env: { LEASE_SECONDS: '60' } })
    const following = start()
    await following.store.synced(never)
    await liveThrough(operator)
    // More than the restored server writes for itself: its versions must not catch up meanwhile.
    const lost = await Promise.all(Array.from({ length: 300 }, (_, index) => create(`lost-${index}`)))
    await eventually(() => lost.every(({ metadata }) => has(following, metadata.name)) && has(following, 'after'))
    const lines = operator.log.length

    await controlPlane.restoreSnapshot()
    const restoredAt = performance.now()
    const first = await create('new')
    const newest = Math.max(...lost.map(({ metadata }) => Number(metadata.resourceVersion)))
    expect(Number(first.metadata.resourceVersion), 'versions went back').to.be.below(newest)
    const isRestored = (): boolean =>
      has(following, 'new') && has(following, 'after') && !lost.some(({ metadata }) => has(following, metadata.name))
    await eventually(isRestored, { withinMs: 20_000, what: 'the cache to be that of the restored store' })
    await client.delete(configMaps, { namespace: 'default', name: 'new' }, {}, never)
    await eventually(() => !has(following, 'new'), { what: 'its watch to go on' })

    await operator.logged('the cluster was restored; the controllers begin again with new lists', lines)
    expect(performance.now() - restoredAt, 'ms from the restore to new lists').to.be.below(30_000)
    // What the caches held before the restore ends no job: pods of the snapshot do.
    const statuses = async () =>
      Object.fromEntries((await site.list(runnerJobs)).map(({ metadata, status }) => [metadata.name, status.phase]))
    expect(await statuses()).to.deep.equal({ over: 'Completed', ends: 'Running', runs: 'Running', waits: 'Queued' })

    // A kubelet reports the same end again, and a job that the snapshot has as waiting runs.
    await site.kubelet.apply('ends-1', (pod) => exited(pod, 3))
    await site.jobIs('ends', { phase: 'Failed', exitCode: 3 })
    await site.kubelet.apply('runs-1', (pod) => exited(pod, 0))
    await site.jobIs('runs', { phase: 'Completed' })
    site.kubelet.onPod(() => exits(0))
    await site.client.patchMerge(
      runnerPools,
      { namespace: site.namespace, name: 'closed' },
      { spec: { maxRunners: 10 } },
      never,
    )
    await site.jobIs('waits', { phase: 'Completed' })
    expect(operator.isRunning).to.equal(true)
  })
})
