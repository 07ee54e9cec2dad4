import { type Dispatcher, Pool } from 'undici'

/** Server and credentials of a bare client. */
export interface BareAccess {
  server: string
  ca: string
  token: string
  userAgent: string
}

/** A minimal client of the API server: undici alone, no retries, no limits except its 64 connections. */
export class BareClient {
  readonly #pool: Pool
  readonly #headers: Record<string, string>

  constructor({ server, ca, token, userAgent }: BareAccess) {
    // As in the operator's client: over one HTTP/2 connection the rate is no better.
    this.#pool = new Pool(server, { connections: 64, pipelining: 1, allowH2: false, connect: { ca } })
    this.#headers = { authorization: `Bearer ${token}`, 'user-agent': userAgent, accept: 'application/json' }
  }

  /** Creates an object; the caller reads the body of the response. */
  post(path: string, object: object): Promise<Dispatcher.ResponseData['body']> {
    return this.#send('POST', path, object)
  }

  /** Replaces an object, or its status. */
  async put(path: string, object: object): Promise<void> {
    const body = await this.#send('PUT', path, object)
    await body.dump()
  }

  /** Opens a streaming response body. */
  async stream(path: string, accept: string, signal: AbortSignal): Promise<Dispatcher.ResponseData['body']> {
    const headers = { ...this.#headers, accept }
    const answer = await this.#pool.request({ method: 'GET', path, headers, signal, bodyTimeout: 0 })
    if (answer.statusCode !== 200) throw new Error(`HTTP ${answer.statusCode}: ${await answer.body.text()}`)
    return answer.body
  }

  close(): Promise<void> {
    return this.#pool.close()
  }

  async #send(method: 'POST' | 'PUT', path: string, object: object): Promise<Dispatcher.ResponseData['body']> {
    const headers = { ...this.#headers, 'content-type': 'application/json' }
    const answer = await this.#pool.request({ method, path, headers, body: JSON.stringify(object) })
    if (answer.statusCode >= 300) throw new Error(`HTTP ${answer.statusCode}: ${await answer.body.text()}`)
    return answer.body
  }
}

/** Runs all tasks with limited concurrency; each starts when an earlier one has ended. */
export async function inFlight(width: number, count: number, act: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next
      next += 1
      await act(index)
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
}
