import { execFile } from 'node:child_process'
import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Place } from '../../config/local/run.d/kubectl.ts'
import { type Ended, run } from '../../config/local/run.d/program.ts'

const root = join(import.meta.dirname, '../..')

/** Puts the bundled plugin into a folder, under the two names that kubectl looks for. */
export async function bundlePlugin(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  const program = join(folder, 'kubectl-runnerhub')
  await promisify(execFile)(join(root, 'config/plugin/build'), [program])
  await symlink(program, join(folder, 'kubectl_complete-runnerhub'))
}

/** Runs `kubectl runnerhub` in a namespace, with the plugin of a folder. */
export function kubectlRunnerhub(folder: string, { kubeconfig, namespace }: Place, ...args: string[]): Promise<Ended> {
  const command = ['kubectl', 'runnerhub', ...args, '--kubeconfig', kubeconfig, '-n', namespace] as const
  const environment = { PATH: `${folder}:${process.env['PATH'] ?? ''}` }
  return run([command[0], ...command.slice(1)], { environment }, AbortSignal.timeout(60_000))
}
