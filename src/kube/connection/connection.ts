import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, systemClock } from '../runtime/clock.ts'
import { Refreshing } from './refreshing.ts'

/** What TLS needs to know of the server and of us, as node:tls takes it. */
export interface TlsIdentity {
  ca?: string | Buffer
  cert?: string | Buffer
  key?: string | Buffer
  pfx?: string | Buffer
  passphrase?: string
  servername?: string
  rejectUnauthorized?: boolean
}

/** Who we are, for one request: the headers that authenticate it, and the TLS identity it is sent with. */
export interface Credentials {
  headers: Readonly<Record<string, string>>
  tls: TlsIdentity
}

/** Where the API server is and how to speak to it. */
export interface Connection {
  server: URL
  /** The namespace that the configuration names, if it names one. */
  namespace?: string
  /** An HTTP or SOCKS proxy to go through. */
  proxy?: string
  /** Read again every minute, and at once when the server refused what the last call returned. */
  credentials(refused?: Credentials): Promise<Credentials>
}

/** There is no configuration to reach a cluster by, or none that can be read. Its message is for people. */
export class NoKubeconfig extends Error {
  override name = 'NoKubeconfig'
}

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
  const load = async (): Promise<Credentials> => {
    const [token, ca] = await Promise.all(['token', 'ca.crt'].map((file) => readFile(join(directory, file), 'utf8')))
    return { headers: { authorization: `Bearer ${token?.trim()}` }, tls: { ca: ca ?? '' } }
  }
  const access = new Refreshing(load, rereadMs, options.clock ?? systemClock)
  const server = new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`)
  return { server, credentials: (refused) => access.get(refused) }
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
  const { readKubeconfig } = await import('./kubeconfig.ts').catch(explainMissingModule)
  const first = readKubeconfig(path, context)
  // Read anew each time: an exec plugin's answer is otherwise kept until its expiry, refused or not.
  const access = new Refreshing(() => readKubeconfig(path, context).credentials(), rereadMs, clock)
  return { ...first.place, credentials: (refused) => access.get(refused) }
}

function explainMissingModule(error: unknown): never {
  const isMissing = error instanceof Error && Reflect.get(error, 'code') === 'ERR_MODULE_NOT_FOUND'
  if (!isMissing) throw error
  const why = 'a kubeconfig cannot be used here: the library that reads it is not part of the image'
  throw new TypeError(`${why}; run it in a pod, with a service account, or from the sources`, { cause: error })
}
