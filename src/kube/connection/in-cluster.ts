import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, systemClock } from '../runtime/clock.ts'
import type { Connection, Credentials } from './connection.ts'
import { Refreshing, rereadMs } from './refreshing.ts'

export interface InClusterOptions {
  directory?: string
  host?: string | undefined
  port?: string | undefined
  clock?: Clock
}

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
