import type { ContainerStatus, Pod } from '../../../src/api/pod.ts'
import { command } from '../../processes/command.ts'
import type { Installation } from './installation.ts'

/**
 * kill -9 for the operator of a pod. Inside its container it is process 1, which the kernel protects; so the signal is
 * sent from the node, which finds the process by its container's id in its control group.
 */
export async function killOperator(hub: Installation, podName?: string): Promise<void> {
  const { id, pod } = await containerOf(hub, podName)
  await onNode(hub, `${processesOf(id)} kill -9 "$pid"; done`)
  await hub.until('the container to be replaced', async () => {
    const now = await containerOf(hub, pod)
    return now.id !== id && now.isReady
  })
}

/** kill -9 for process 1 of a pod's container, which takes all others in it along. */
export async function killFirstProcess(hub: Installation, { status }: Pod): Promise<void> {
  const id = idOf(status?.containerStatuses?.[0])
  await onNode(hub, `${processesOf(id)} ! grep -q '^NSpid:.*[[:space:]]1$' "/proc/$pid/status" || kill -9 "$pid"; done`)
}

/** A script's loop over the processes of a container, as far as its first command. */
function processesOf(id: string): string {
  return `for file in $(grep -l ${id} /proc/[0-9]*/cgroup); do pid=\${file%/cgroup} pid=\${pid#/proc/};`
}

async function onNode({ clusterKind }: Installation, script: string): Promise<void> {
  if (clusterKind === 'kind') await command('docker', 'exec', 'runnerhub-control-plane', 'bash', '-euc', script)
  else await command('bash', '-euc', script)
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
  return { id: idOf(status), pod: pod?.metadata.name ?? '', isReady: isReady(pod) }
}

function idOf(status: ContainerStatus | undefined): string {
  const id = status?.containerID?.replace('containerd://', '') ?? ''
  if (!/^[0-9a-f]{64}$/.test(id)) throw new Error(`there is no container: ${JSON.stringify(status)}`)
  return id
}

function isReady(pod: Pod | undefined): boolean {
  return pod?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false
}
