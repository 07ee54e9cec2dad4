import type { Readable } from 'node:stream'
import { isDeepStrictEqual } from 'node:util'
import type { Credentials, Connection } from '../connection/connection.ts'
import type { WriteGuard } from '../election/write-guard.ts'
import { type Clock, systemClock } from '../runtime/clock.ts'
import { abortable, linkedAbortController, type LinkedController } from '../runtime/signals.ts'
import { ApiError, LeaseLost, Unauthorized, Unreachable } from './errors.ts'
import {
  type ApiRequest,
  exchange,
  isUntrusted,
  openStream,
  type RequestOutcome,
  type RequestContext,
} from './exchange.ts'
import { InFlight } from './in-flight.ts'
import { ANSWER_MS, type Pools, Transport } from './transport.ts'

export interface ClientOptions {
  userAgent: string
  /** The maximum number of concurrent requests; watches and streams do not count. */
  maxInFlight?: number
  /** Timeout for a response, and for each further part of it. */
  answerMs?: number
  clock?: Clock
  onRequest?: (outcome: RequestOutcome) => void
  /** Gets the Date header of each whole response, with how long it took. */
  onDate?: (date: string, tookMs: number) => void
}

/** The state that all views of one client share. */
export interface ClientState {
  connection: Connection
  transport: Transport
  inFlight: InFlight
  options: ClientOptions
  clock: Clock
}

/** Creates the shared state; no connection is opened before the first request. */
export function createState(connection: Connection, options: ClientOptions): ClientState {
  const { maxInFlight = 64, answerMs = ANSWER_MS, clock = systemClock } = options
  return {
    connection,
    options,
    clock,
    transport: new Transport(connection, { maxInFlight, answerMs }),
    inFlight: new InFlight(maxInFlight),
  }
}

/** Sends requests: waits for a slot, retries throttled requests, renews credentials and checks the guard. */
export class Requests {
  readonly #state: ClientState
  readonly #guard: WriteGuard | undefined

  constructor(state: ClientState, guard?: WriteGuard) {
    this.#state = state
    this.#guard = guard
  }

  guarded(guard: WriteGuard): Requests {
    return new Requests(this.#state, guard)
  }

  close(): Promise<void> {
    return this.#state.transport.close()
  }

  async send(request: ApiRequest, signal: AbortSignal): Promise<unknown> {
    const limits = this.#limits(signal)
    try {
      if (request.method !== 'GET') await this.#guard?.admitted?.(limits.signal)
      return await this.#retryThrottled(request, limits.signal)
    } finally {
      limits.release()
    }
  }

  async stream(request: ApiRequest, signal: AbortSignal): Promise<Readable> {
    const limits = this.#limits(signal)
    try {
      const body = await this.#authenticated('streams', limits.signal, (context) =>
        openStream(request, context, limits.signal),
      )
      return body.once('close', limits.release)
    } catch (error) {
      limits.release()
      throw error
    }
  }

  /** Links the caller's signal with the guard's deadline, which aborts with LeaseLost. */
  #limits(signal: AbortSignal): Omit<LinkedController, 'abort'> {
    const deadline = this.#guard?.signal
    if (deadline === undefined) return { signal, release: () => {} }
    const limits = linkedAbortController(signal)
    const onDeadline = (): void => limits.abort(leaseLost(deadline.reason))
    if (deadline.aborted) onDeadline()
    deadline.addEventListener('abort', onDeadline, { once: true })
    return {
      ...limits,
      release: () => {
        deadline.removeEventListener('abort', onDeadline)
        limits.release()
      },
    }
  }

  async #retryThrottled(request: ApiRequest, signal: AbortSignal): Promise<unknown> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#limited(request, signal)
      } catch (error) {
        const waitMs = retryDelayMs(error, request.method, attempt)
        if (waitMs === undefined) throw error
        await this.#state.clock.sleep(waitMs, signal)
      }
    }
  }

  async #limited(request: ApiRequest, signal: AbortSignal): Promise<unknown> {
    const release = await this.#state.inFlight.acquire(signal)
    try {
      return await this.#authenticated('requests', signal, (context) => exchange(request, context, signal))
    } finally {
      release()
    }
  }

  /** Retries once after a 401 or an untrusted certificate, if reloading yields other credentials. */
  async #authenticated<R>(
    kind: keyof Pools,
    signal: AbortSignal,
    once: (context: RequestContext) => Promise<R>,
  ): Promise<R> {
    const access = await this.#access(signal)
    try {
      return await once(this.#sending(access, kind))
    } catch (error) {
      if (!(error instanceof Unauthorized) && !isUntrusted(error)) throw error
      const fresh = await this.#access(signal, access)
      if (isDeepStrictEqual(fresh, access)) throw error
      return await once(this.#sending(fresh, kind))
    }
  }

  async #access(signal: AbortSignal, refused?: Credentials): Promise<Credentials> {
    const access = this.#state.connection.credentials(refused).catch((error: unknown) => {
      throw new Unreachable('cannot read the credentials', { cause: error })
    })
    return await abortable(access, signal)
  }

  #sending(access: Credentials, kind: keyof Pools): RequestContext {
    const { transport, connection, options, clock } = this.#state
    return {
      dispatcher: transport.pools(access)[kind],
      origin: connection.server.origin,
      headers: { 'user-agent': options.userAgent, ...access.headers },
      guard: this.#guard,
      clock,
      onRequest: options.onRequest,
      onDate: options.onDate,
    }
  }
}

function leaseLost(reason: unknown): LeaseLost {
  return reason instanceof LeaseLost ? reason : new LeaseLost('the write deadline has passed', { cause: reason })
}

/** The maximum number of attempts of a write that the server rejects unprocessed. */
const writeAttempts = 5

/** The delay before the retry; undefined if the request must not be retried. */
function retryDelayMs(error: unknown, method: string, attempt: number): number | undefined {
  if (!(error instanceof ApiError)) return undefined
  if (method === 'GET') return error.code === 429 || error.code === 503 ? error.retryAfterMs : undefined
  return error.code === 429 && attempt < writeAttempts ? error.retryAfterMs : undefined
}
