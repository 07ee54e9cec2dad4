import { copyFile, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { kubectl } from '../../../config/local/run.d/kubectl.ts'
import { outputOf, run } from '../../../config/local/run.d/program.ts'
import { helmPath } from '../../charts/chart.ts'
import type { Site } from '../site.ts'

const root = join(import.meta.dirname, '../../..')
const forever = new AbortController().signal

/** Runs commands of the documents as a reader would, in a folder with the chart. */
export interface Shell {
  /** The working folder of the commands. */
  folder: string
  /** Runs a command in a site's namespace instead of the documented one; a failure includes all its output. */
  run(command: string, environment?: Record<string, string>): Promise<string>
  /** The same in the namespace of another site. */
  at(site: Site): Promise<Shell>
  close(): Promise<void>
}

export async function openShell(site: Site): Promise<Shell> {
  const folder = await mkdtemp(join(tmpdir(), 'runnerhub-shell-'))
  await symlink(join(root, 'charts'), join(folder, 'charts'))
  return shellIn(folder, site)
}

async function shellIn(folder: string, { plane, namespace }: Site): Promise<Shell> {
  // A kubeconfig with the site's namespace: not every command names one.
  const kubeconfig = join(folder, `kubeconfig-${namespace}`)
  await copyFile(plane.controlPlane.kubeconfig, kubeconfig)
  const config = ['config', 'set-context', '--current', `--namespace=${namespace}`]
  await outputOf(kubectl({ kubeconfig, namespace }, ...config), forever)
  const common = { KUBECONFIG: kubeconfig, PATH: `${dirname(await helmPath())}:${process.env['PATH']}` }
  return {
    folder,
    async run(command, environment) {
      const script = command
        .replaceAll(/(?<=(?:--namespace|-n) )(?:runnerhub|NAMESPACE)\b/g, namespace)
        .replaceAll('--serviceaccount=runnerhub:', `--serviceaccount=${namespace}:`)
      const options = { environment: { ...common, ...environment }, directory: folder }
      const signal = AbortSignal.timeout(45_000)
      const { code, stdout, stderr } = await run(['bash', '-euo', 'pipefail', '-c', script], options, signal)
      if (code === 0) return stdout
      throw new Error(`${script}\nexit code ${code}\n${stdout}${stderr}`)
    },
    at: (other) => shellIn(folder, other),
    close: () => rm(folder, { recursive: true }),
  }
}
