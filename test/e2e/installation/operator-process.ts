import type { Pod } from '../../../src/api/pod.ts'
import { command } from '../../processes/command.ts'
import type { Installation } from './installation.ts'

/**
 * kill -9 for the operator of a pod. Inside its container it is process 1, which the kernel protects; so the signal is
 * sent from the node, which finds the process by its container's id in its control group.
 */
export async function killOperator(hub: Installation, podName?: string): Promise<void> {
  const { id, pod } = await containerOf(hub, podName)
  const script = `for file in $(grep -l ${id} /proc/[0-9]*/cgroup); do pid=\${file%/cgroup}; kill -9 "\${pid#/proc/}"; done`
  if (hub.clusterKind === 'kind') await command('docker', 'exec', 'runnerhub-control-plane', 'bash', '-euc', script)
  else await command('bash', '-euc', script)
  await hub.until('the container to be replaced', async () => {
    const now = await containerOf(hub, pod)
    return now.id !== id && now.isReady
  })
}

interface Container {
  id: string
  pod: string
  isReady: boolean
}

async function containerOf(hub: Installation, podName?: string): Promise<Container> {
  const all = await hub.operatorPods()
  const pod = podName === undefined ? all[0] : all.find(({ metadata }) => metadata.name === podName)
  const status = pod?.status?.containerStatuses?.[0]
  const id = status?.containerID?.replace('containerd://', '') ?? ''
  if (!/^[0-9a-f]{64}$/.test(id)) throw new Error(`the operator has no container: ${JSON.stringify(status)}`)
  return { id, pod: pod?.metadata.name ?? '', isReady: isReady(pod) }
}

function isReady(pod: Pod | undefined): boolean {
  return pod?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false
}
