import { join } from 'node:path'
import { outputOf } from './program.ts'

/** The cluster in use, from `config/local/cluster env`. */
export interface Cluster {
  kubeconfig: string
  kind: 'local' | 'kind' | 'given'
  /** Base image of runner pods there. */
  baseImage: string
  auditLog?: string
}

/** The repository. */
export const root = join(import.meta.dirname, '../../..')

/** The tool that starts clusters. */
export const clusterTool = join(root, 'config/local/cluster')

/** Finds the cluster in use; fails if there is none. */
export async function clusterInUse(signal: AbortSignal): Promise<Cluster> {
  // The output is quoted for a shell, so a shell reads it.
  const script = 'answer=$("$0" env); set -a; eval "$answer"; exec env -0'
  const printed = await outputOf(['bash', '-euc', script, clusterTool], signal)
  const variables = new Map(printed.split('\0').map((line) => split(line)))
  const auditLog = variables.get('RUNNERHUB_AUDIT_LOG')
  return {
    kubeconfig: variables.get('KUBECONFIG') ?? '',
    kind: kindOf(variables.get('RUNNERHUB_CLUSTER_KIND')),
    baseImage: variables.get('RUNNERHUB_BASE_IMAGE') ?? '',
    ...(auditLog !== undefined && { auditLog }),
  }
}

function split(line: string): [string, string] {
  const equals = line.indexOf('=')
  return [line.slice(0, equals), line.slice(equals + 1)]
}

function kindOf(text: string | undefined): Cluster['kind'] {
  if (text === 'local' || text === 'kind' || text === 'given') return text
  throw new Error(`config/local/cluster env printed an unknown kind of cluster: ${text}`)
}
