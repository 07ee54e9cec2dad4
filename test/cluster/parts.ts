import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { eventually } from '../observe/eventually.ts'
import { ended, toolFolder } from './tool.ts'

/** Every program of the local cluster, as `cluster status` names it. */
export const parts = [
  'etcd',
  'containerd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
  'coredns',
] as const

export type Part = (typeof parts)[number]

export interface Status {
  healthy: boolean
  parts: Record<string, { pid: number; state: string }>
  text: string
}

/** The parsed output of `cluster status`. */
export async function status(): Promise<Status> {
  const { code, stdout } = await ended(`${toolFolder}cluster`, ['status'])
  const seen: Status = { healthy: code === 0, parts: {}, text: stdout }
  for (const [name = '', pid, state = ''] of stdout.split('\n').map((line) => line.split(/\s+/)))
    if (parts.some((part) => part === name)) seen.parts[name] = { pid: Number(pid), state }
  return seen
}

/** The status once all parts are healthy: a busy part may respond too late once. `log` is for the failure message. */
export function healthyStatus(log = async () => ''): Promise<Status> {
  const find = async (): Promise<Status> => {
    const now = await status()
    if (!now.healthy) throw new Error(`${now.text}\n${await log()}`)
    return now
  }
  return eventually(find, { withinMs: 15_000, what: 'the cluster to be healthy' })
}

export async function pidOf(part: Part): Promise<number> {
  const { parts: now, text } = await status()
  const pid = now[part]?.pid
  if (pid === undefined || Number.isNaN(pid)) throw new Error(`${part} does not run:\n${text}`)
  return pid
}

/** The end of a part's log, for the message of a failure. */
export async function logTail(kubeconfig: string, part: Part): Promise<string> {
  const log = await readFile(join(dirname(kubeconfig), 'logs', `${part}.log`), 'utf8').catch(String)
  return `last lines of ${part}'s log:\n${log.split('\n').slice(-15).join('\n')}`
}
