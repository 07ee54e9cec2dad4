import { setTimeout as sleep } from 'node:timers/promises'
import { asObject } from '../../../src/kube/client/parse.ts'

export interface RetriedAnswer {
  status: number
  headers: Headers
  data: Record<string, unknown>
}

/** Calls the REST API with retries: a request without a response, or with 503, is sent again, for two minutes. */
export class RetryingClient {
  readonly #url: string
  readonly #token: string
  /** The number of retries. */
  retries = 0

  constructor(url: string, token = 'your-token') {
    this.#url = url
    this.#token = token
  }

  async call(method: string, path: string, body?: unknown): Promise<RetriedAnswer> {
    const deadline = performance.now() + 120_000
    for (;;) {
      const answer = await this.once(method, path, body).catch(() => undefined)
      if (answer !== undefined && answer.status !== 503) return answer
      if (performance.now() > deadline)
        throw new Error(`${method} ${path}: no response except ${answer?.status} for two minutes`)
      this.retries += 1
      await sleep(200)
    }
  }

  /** One attempt; rejects where the connection breaks. */
  async once(method: string, path: string, body?: unknown): Promise<RetriedAnswer> {
    const response = await fetch(`${this.#url}${path}`, {
      method,
      headers: { Authorization: `Bearer ${this.#token}`, 'Content-Type': 'application/json' },
      signal: AbortSignal.timeout(30_000),
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const { status, headers } = response
    const text = await response.text()
    return { status, headers, data: asObject(asObject(text.startsWith('{') ? JSON.parse(text) : undefined)['data']) }
  }
}
