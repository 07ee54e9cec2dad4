import { fromKubeconfig } from '../kube/connection/from-kubeconfig.ts'
import { NoKubeconfig } from '../kube/connection/no-kubeconfig.ts'
import { KubeClient } from '../kube/client/client.ts'
import { Failure } from './exit.ts'
import type { Host } from './host.ts'

/** The flags that choose cluster and namespace, as in kubectl. */
export interface Where {
  kubeconfig?: string | undefined
  context?: string | undefined
  namespace?: string | undefined
}

/** A command's access to one cluster and namespace. */
export interface Session {
  host: Host
  client: KubeClient
  namespace: string
  /** How to repeat a command of the plugin against the same namespace. */
  flags: string
}

/** Opens a session for the time of a command. */
export async function inSession<R>(host: Host, where: Where, use: (session: Session) => Promise<R>): Promise<R> {
  const path = where.kubeconfig ?? (host.env['KUBECONFIG'] || undefined)
  const connection = await fromKubeconfig(path, where.context, host.clock).catch((error: unknown) => {
    if (error instanceof NoKubeconfig || error instanceof TypeError) throw new Failure(error.message)
    throw error
  })
  const client = new KubeClient(connection, { userAgent: 'kubectl-runnerhub', answerMs: 30_000, clock: host.clock })
  const namespace = where.namespace ?? connection.namespace ?? 'default'
  try {
    return await use({ host, client, namespace, flags: flagsOf({ ...where, namespace }) })
  } finally {
    await client.close()
  }
}

function flagsOf({ kubeconfig, context, namespace }: Where): string {
  const flags = [
    ['--kubeconfig', kubeconfig],
    ['--context', context],
    ['-n', namespace],
  ] as const
  return flags.flatMap(([flag, value]) => (value === undefined ? [] : [`${flag} ${quoted(value)}`])).join(' ')
}

/** A word of a shell command. */
function quoted(word: string): string {
  return /^[\w./:@%+,=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
