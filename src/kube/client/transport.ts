import { isDeepStrictEqual } from 'node:util'
import { type Dispatcher, Pool, ProxyAgent } from 'undici'
import type { Credentials, Connection, TlsIdentity } from '../connection/connection.ts'

/** The connections of one TLS identity: a shared pool for requests, and one connection for each watch or stream. */
export interface Pools {
  requests: Dispatcher
  streams: Dispatcher
}

/** The limits of requests; watches and streams have none. */
export interface Limits {
  maxInFlight: number
  /** Timeout for a response, and for each further part of it. */
  answerMs: number
}

/** Keeps the pools of the current TLS identity; earlier pools close after their last request. */
export class Transport {
  readonly #connection: Connection
  readonly #limits: Limits
  #current: { tls: TlsIdentity; pools: Pools } | undefined
  readonly #retired = new Set<Pools>()
  #closed: Promise<void> | undefined

  constructor(connection: Connection, limits: Limits) {
    this.#connection = connection
    this.#limits = limits
  }

  pools(access: Credentials): Pools {
    const current = this.#current
    if (current !== undefined && isDeepStrictEqual(current.tls, access.tls)) {
      current.tls = access.tls // makes the next comparison one of identical objects
      return current.pools
    }
    if (current !== undefined) this.#retire(current.pools)
    const pools = makePools(this.#connection, access.tls, this.#limits)
    this.#current = { tls: access.tls, pools }
    return pools
  }

  /** May be called by every view of a client; closes once. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    const all = [...this.#retired, ...(this.#current === undefined ? [] : [this.#current.pools])]
    await Promise.all(all.flatMap((pools) => [pools.requests.close(), pools.streams.destroy()]))
  }

  #retire(pools: Pools): void {
    this.#retired.add(pools)
    const forget = (): boolean => this.#retired.delete(pools)
    void Promise.all([pools.requests.close(), pools.streams.close()]).then(forget, forget)
  }
}

/** The API server closes idle connections after 90 s: ours must close earlier, or a write could hit a closed one. */
const idleMs = 60_000
/** More than the 30 s of an admission webhook, less than the server's own 60 s. */
export const ANSWER_MS = 35_000

function makePools(connection: Connection, tls: TlsIdentity, { maxInFlight, answerMs }: Limits): Pools {
  const options = {
    allowH2: false, // slower than HTTP/1.1 for these requests, and one connection would be a single point of failure
    pipelining: 1,
    keepAliveTimeout: idleMs,
    keepAliveMaxTimeout: idleMs,
    headersTimeout: answerMs,
    bodyTimeout: answerMs,
  }
  const make = (limit: number | null): Dispatcher =>
    connection.proxy === undefined
      ? new Pool(connection.server.origin, { ...options, connections: limit, connect: { timeout: 10_000, ...tls } })
      : new ProxyAgent({ ...options, connections: limit, uri: connection.proxy, requestTls: tls })
  return { requests: make(maxInFlight), streams: make(null) }
}
