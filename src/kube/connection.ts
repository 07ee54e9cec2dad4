import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock, type Clock } from './clock.ts'
import { Reloaded } from './reloaded.ts'
import type { Access, Connection } from './access.ts'

export interface InClusterOptions {
  directory?: string
  host?: string | undefined
  port?: string | undefined
  clock?: Clock
}

/** How long credentials are believed before their files are read again. */
const rereadMs = 60_000

/** The connection of a pod: the service account's token and CA, both re-read as they rotate. */
export function inCluster(options: InClusterOptions = {}): Connection {
  const {
    directory = '/var/run/secrets/kubernetes.io/serviceaccount',
    host = 'kubernetes.default.svc',
    port = '443',
  } = options
  const load = async (): Promise<Access> => {
    const [token, ca] = await Promise.all(['token', 'ca.crt'].map((file) => readFile(join(directory, file), 'utf8')))
    return { headers: { authorization: `Bearer ${token?.trim()}` }, tls: { ca: ca ?? '' } }
  }
  const access = new Reloaded(load, rereadMs, options.clock ?? systemClock)
  const server = new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`)
  return { server, access: (refused) => access.get(refused) }
}

/**
 * The connection that a kubeconfig describes: client certificates, tokens, exec plugins, proxies. Without a path the
 * usual places are searched. The library that reads it is large: it is loaded only here, and the image does without it.
 */
export async function fromKubeconfig(
  path: string | undefined,
  context?: string,
  clock: Clock = systemClock,
): Promise<Connection> {
  const { readKubeconfig } = await import('./kubeconfig.ts').catch(explain)
  const first = readKubeconfig(path, context)
  // Read anew each time: an exec plugin's answer is otherwise kept until its expiry, refused or not.
  const access = new Reloaded(() => readKubeconfig(path, context).access(), rereadMs, clock)
  return { ...first.place, access: (refused) => access.get(refused) }
}

function explain(error: unknown): never {
  const isMissing = error instanceof Error && Reflect.get(error, 'code') === 'ERR_MODULE_NOT_FOUND'
  if (!isMissing) throw error
  const why = 'a kubeconfig cannot be used here: the library that reads it is not part of the image'
  throw new TypeError(`${why}; run it in a pod, with a service account, or from the sources`, { cause: error })
}
