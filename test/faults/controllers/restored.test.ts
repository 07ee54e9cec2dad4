import { expect } from 'chai'
import { asObject } from '../../../src/kube/client/parse.ts'
import { StandInKubelet } from '../../kubelet/kubelet.ts'
import { exited, exits, runs } from '../../kubelet/script.ts'
import { configMaps, newConfigMap } from '../../objects/config-maps.ts'
import type { Operator } from '../../processes/operator.ts'
import { call } from '../../site/calls/call.ts'
import { type Plane, startPlane } from '../../site/plane.ts'
import { openSite, type Site } from '../../site/site.ts'

const forever = new AbortController().signal

/** By then each cache follows a restored cluster, as docs/operations.md has it. */
const FOLLOWED_MS = 120_000

describe('etcd is restored from a snapshot', function () {
  this.timeout('300s')
  let plane: Plane
  let site: Site
  let operator: Operator
  let restoredKubelet: StandInKubelet | undefined
  const ids = new Map<string, string>()

  before(async () => {
    plane = await startPlane()
    site = await openSite(plane)
    await site.createPool('default', { maxRunners: 2 })
    site.kubelet.onPod(() => runs())
    operator = await site.operator()
  })
  after(async () => {
    await restoredKubelet?.stop()
    await site?.close()
    await plane?.controlPlane.stop()
  })

  async function create(name: string): Promise<void> {
    ids.set(name, (await site.createJob(name)).metadata.uid)
  }

  /** Waits until the facade shows these states: the watches of this test do not follow a restored cluster at once. */
  async function show(states: Record<string, unknown>): Promise<void> {
    const stateOf = async (name: string): Promise<unknown> => {
      const { body, status } = await call(`${operator.url}/api/jobs/${ids.get(name)}`)
      return status === 200 ? asObject(body['data'])['status'] : status
    }
    const areShown = async (): Promise<boolean> => {
      const names = Object.keys(states)
      const shown = await Promise.all(names.map(stateOf))
      return names.every((name, index) => shown[index] === states[name])
    }
    await site.until(`the facade to show ${JSON.stringify(states)}`, areShown, FOLLOWED_MS)
  }

  it('and the operator goes on from there, without a restart', async () => {
    for (const name of ['ended', 'going']) {
      await create(name)
      await site.jobIs(name, { phase: 'Running' })
    }
    await create('waiting')
    await site.jobIs('waiting', { phase: 'Queued', reason: 'PoolFull' })
    await plane.controlPlane.saveSnapshot()

    await site.kubelet.apply('ended-1', (pod) => exited(pod, 0))
    await site.jobIs('ended', { phase: 'Completed' })
    await site.jobIs('waiting', { phase: 'Running' })
    // More than the restored server writes for itself: its versions must not catch up meanwhile.
    for (let index = 0; index < 300; index += 1)
      await site.client.create(configMaps, newConfigMap(site.namespace, `later-${index}`), forever)
    await create('lost')
    const lost = await site.job('lost')
    await site.kubelet.stop()

    await plane.controlPlane.restoreSnapshot()
    restoredKubelet = new StandInKubelet(plane.controlPlane.connection, site.namespace)
    restoredKubelet.onPod(({ metadata }) => (metadata.name === 'later-1' ? exits(0) : runs()))
    await restoredKubelet.start()
    await show({ lost: 404, ended: 'running', going: 'running', waiting: 'queued' })
    const restored = await site.job('going')
    expect(Number(restored?.metadata.resourceVersion)).to.be.below(Number(lost?.metadata.resourceVersion))

    // The pod's end is not in the snapshot, but its node still knows.
    await restoredKubelet.apply('ended-1', (pod) => exited(pod, 0))
    await show({ ended: 'completed', waiting: 'running' })
    await restoredKubelet.apply('going-1', (pod) => exited(pod, 3))
    await create('later')
    await show({ going: 'failed', later: 'completed' })
  })
})
