import { existsSync } from 'node:fs'
import type { RequestOptions } from 'node:https'
import { delimiter } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node'
import type { Credentials, Connection, TlsIdentity } from './connection.ts'
import { NoKubeconfig } from './no-kubeconfig.ts'

/** A parsed kubeconfig: the endpoint, and a function that returns its credentials. */
export interface Kubeconfig {
  endpoint: Omit<Connection, 'credentials'>
  credentials(): Promise<Credentials>
}

/** The server that the library assumes where it finds no configuration. */
const PLACEHOLDER = 'http://localhost:8080'

/** Reads a kubeconfig once: one file, several separated by colons as in kubectl, or the default locations. */
export function readKubeconfig(path: string | undefined, context: string | undefined): Kubeconfig {
  const config = new KubeConfig()
  try {
    if (path === undefined) config.loadFromDefault()
    else loadFrom(path, config)
  } catch (error) {
    throw new NoKubeconfig(`cannot read the kubeconfig: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (config.getCurrentCluster()?.server === PLACEHOLDER) {
    throw new NoKubeconfig('no kubeconfig found: set --kubeconfig or KUBECONFIG, or run in a pod')
  }
  if (context !== undefined) config.setCurrentContext(context)
  return { endpoint: endpointOf(config), credentials: () => credentialsOf(config) }
}

/**
 * Merges several files: each name, and the current context, comes from the first file that has it. Files may be
 * missing.
 */
function loadFrom(paths: string, config: KubeConfig): void {
  const named = paths.split(delimiter).filter((path) => path !== '')
  const [first = paths, ...others] = named.length > 1 ? named.filter((path) => existsSync(path)) : named
  config.loadFromFile(first)
  for (const path of others) {
    const other = new KubeConfig()
    other.loadFromFile(path)
    other.clusters = other.clusters.filter(isNewIn(config.clusters))
    other.users = other.users.filter(isNewIn(config.users))
    other.contexts = other.contexts.filter(isNewIn(config.contexts))
    config.mergeConfig(other, Boolean(config.currentContext))
  }
}

function isNewIn(known: readonly { name: string }[]): (entry: { name: string }) => boolean {
  const names = new Set(known.map(({ name }) => name))
  return ({ name }) => !names.has(name)
}

function endpointOf(config: KubeConfig): Omit<Connection, 'credentials'> {
  const cluster = config.getCurrentCluster()
  if (cluster === null)
    throw new TypeError(`the kubeconfig has no cluster for its context "${config.getCurrentContext()}"`)
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace
  return {
    server: new URL(cluster.server),
    ...(namespace === undefined ? {} : { namespace }),
    ...(cluster.proxyUrl === undefined ? {} : { proxy: cluster.proxyUrl }),
  }
}

async function credentialsOf(config: KubeConfig): Promise<Credentials> {
  const options: RequestOptions = {}
  await config.applyToHTTPSOptions(options)
  const headers = Object.fromEntries(
    Object.entries(options.headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]),
  )
  if (typeof options.auth === 'string')
    headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`
  return { headers, tls: tlsOf(options) }
}

const tlsFields = ['ca', 'cert', 'key', 'pfx', 'passphrase', 'servername', 'rejectUnauthorized'] as const

function tlsOf(options: RequestOptions): TlsIdentity {
  return Object.fromEntries(
    tlsFields
      .filter((field) => options[field] !== undefined && options[field] !== null)
      .map((field) => [field, options[field]]),
  )
}
