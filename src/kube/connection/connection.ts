import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, systemClock } from '../runtime/clock.ts'
import { Refreshing } from './refreshing.ts'

/** The TLS options of the connection, in the form of node:tls. */
export interface TlsIdentity {
  ca?: string | Buffer
  cert?: string | Buffer
  key?: string | Buffer
  pfx?: string | Buffer
  passphrase?: string
  servername?: string
  rejectUnauthorized?: boolean
}

/** The credentials of one request: its authentication headers and its TLS identity. */
export interface Credentials {
  headers: Readonly<Record<string, string>>
  tls: TlsIdentity
}

/** Address of the API server, and access to it. */
export interface Connection {
  server: URL
  /** The namespace of the configuration, if it sets one. */
  namespace?: string
  /** The HTTP or SOCKS proxy to use. */
  proxy?: string
  /** Reloads the credentials every minute, and at once when the server rejected those of the last call. */
  credentials(refused?: Credentials): Promise<Credentials>
}

export interface InClusterOptions {
  directory?: string
  host?: string | undefined
  port?: string | undefined
  clock?: Clock
}

/** How long credentials are cached before their files are read again. */
const rereadMs = 60_000

/** The connection of a pod: token and CA of its service account, both re-read as they rotate. */
export function inCluster(options: InClusterOptions = {}): Connection {
  const {
    directory = '/var/run/secrets/kubernetes.io/serviceaccount',
    host = 'kubernetes.default.svc',
    port = '443',
  } = options
  const load = async (): Promise<Credentials> => {
    const [token, ca] = await Promise.all(['token', 'ca.crt'].map((file) => readFile(join(directory, file), 'utf8')))
    return { headers: { authorization: `Bearer ${token?.trim()}` }, tls: { ca: ca ?? '' } }
  }
  const access = new Refreshing(load, rereadMs, options.clock ?? systemClock)
  const server = new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`)
  return { server, credentials: (refused) => access.get(refused) }
}

/**
 * The connection of a kubeconfig: client certificates, tokens, exec plugins, proxies. Without a path the default
 * locations are searched. The library that reads it is large: it is loaded only here, and the image omits it.
 */
export async function fromKubeconfig(
  path: string | undefined,
  context?: string,
  clock: Clock = systemClock,
): Promise<Connection> {
  const { readKubeconfig } = await import('./kubeconfig.ts').catch(explainMissingModule)
  const first = readKubeconfig(path, context)
  // Parse again each time: the library caches an exec plugin's token until its expiry, even a rejected one.
  const access = new Refreshing(() => readKubeconfig(path, context).credentials(), rereadMs, clock)
  return { ...first.endpoint, credentials: (refused) => access.get(refused) }
}

function explainMissingModule(error: unknown): never {
  const isMissing = error instanceof Error && Reflect.get(error, 'code') === 'ERR_MODULE_NOT_FOUND'
  if (!isMissing) throw error
  const problem = 'cannot use a kubeconfig: the library that reads it is not part of the image'
  throw new TypeError(`${problem}; run in a pod with a service account, or from the sources`, { cause: error })
}
