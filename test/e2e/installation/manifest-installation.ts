import { randomBytes } from 'node:crypto'
import { deploy } from '../../../config/local/run.d/deploy.ts'
import { bindingsOf } from '../../../config/local/run.d/overlay.ts'
import { awaitRollout } from '../../../config/local/run.d/rollout.ts'
import { localTokens } from '../../../config/local/run.d/tokens.ts'
import { prepare } from './image.ts'
import { type Installed, reach } from './installation.ts'

const settings = { RATE_LIMIT_MAX: '1000000' }

const patient = (): AbortSignal => AbortSignal.timeout(120_000)

/** Deploys the image of these sources by the plain manifests: one replica, in a new namespace. */
export async function installByManifests(): Promise<Installed> {
  const prepared = await prepare()
  const { cluster, image } = prepared
  const namespace = `e2e-${randomBytes(5).toString('hex')}`
  const place = { kubeconfig: cluster.kubeconfig, namespace }
  await deploy(
    cluster.kubeconfig,
    { namespace, image, runnerImage: cluster.baseImage, settings, tokens: localTokens },
    patient(),
  )
  await awaitRollout(place, () => undefined, patient())
  const hub = await reach(prepared, place, { rest: 'runnerhub', realtime: 'runnerhub' })
  return {
    hub,
    async close() {
      try {
        // Delete the jobs first, while an operator removes the finalizers of their pods.
        await hub.kubectl('delete', 'runnerjobs', '--all', '--wait=false')
        await hub.until('no runner pod to remain', async () => (await hub.runnerPods()).length === 0)
        await hub.kubectl('delete', 'namespace', namespace, '--ignore-not-found', '--wait=false')
        await hub.kubectl('delete', 'clusterrolebinding', ...bindingsOf(namespace), '--wait=false')
      } finally {
        await hub.leave()
      }
    },
  }
}
