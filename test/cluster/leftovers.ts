import { existsSync } from 'node:fs'
import { glob, readdir, readFile } from 'node:fs/promises'
import { command } from '../processes/command.ts'
import { ended } from './tool.ts'

/**
 * Everything on this machine that the cluster of this state folder could have left behind, one line each, without the
 * resources of the machine's container engine.
 */
export async function leftovers(state: string): Promise<string[]> {
  const found = await Promise.all([
    processes(state),
    mounts(state),
    links(),
    firewallRules('iptables-save'),
    firewallRules('ip6tables-save'),
    lines(glob('/sys/fs/cgroup/{,*/}runnerhub-local'), 'control group'),
    sockets(),
    lines(glob('/var/lib/cni/results/runnerhub-local-*'), 'address'),
  ])
  return [...found.flat(), ...folders(state)]
}

/** Processes with the cluster's mark, and processes of pods, which have only their arguments. */
async function processes(state: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const described = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
      const text = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ')
      const ours = environment.includes(`RUNNERHUB_LOCAL_PART=${state}:`) || text.startsWith(podProcess)
      return ours ? [`process ${pid}: ${text}`] : []
    }),
  )
  return described.flat()
}

/** The sleep of these tests' pods: a number that no other program uses. */
export const podProcess = 'sleep 31536017'

async function mounts(state: string): Promise<string[]> {
  const table = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').map((line) => line.split(' ')[4] ?? '')
  return table.filter((target) => target.startsWith(`${state}/`)).map((target) => `mount ${target}`)
}

async function links(): Promise<string[]> {
  const all = await readdir('/sys/class/net')
  // Without our bridge, our veths have no bridge; those of an engine have its own.
  const isLoose = (name: string): boolean => name.startsWith('veth') && !existsSync(`/sys/class/net/${name}/master`)
  return all.filter((name) => name === 'rhub0' || isLoose(name)).map((name) => `interface ${name}`)
}

/** Sockets of shims that no process holds any more. */
async function sockets(): Promise<string[]> {
  const held = await readFile('/proc/net/unix', 'utf8')
  return (await lines(glob('/run/containerd/s/*'), 'socket')).filter(
    (line) => !held.includes(line.slice('socket '.length)),
  )
}

async function firewallRules(program: string): Promise<string[]> {
  if ((await ended('sh', ['-c', `command -v ${program}`])).code !== 0) return []
  const rules = (await command(program)).split('\n').filter((line) => /\b(KUBE|CNI)-/.test(line))
  return rules.map((rule) => `${program}: ${rule}`)
}

function folders(state: string): string[] {
  return [state, '/var/lib/kubelet', '/var/log/containers'].filter((path) => existsSync(path))
}

async function lines(paths: AsyncIterable<string>, kind: string): Promise<string[]> {
  const found: string[] = []
  for await (const path of paths) found.push(`${kind} ${path}`)
  return found
}
