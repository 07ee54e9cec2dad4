import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'

/** An answer that has come to its end. */
export interface BufferedResponse {
  statusCode: number
  headers: IncomingHttpHeaders
  text: string
}

/** Whoever waits for an answer. */
interface Waiting {
  resolve: (answer: BufferedResponse) => void
  reject: (reason: unknown) => void
}

/**
 * Sends a request and collects its answer. `Dispatcher.request` would make a stream for it, which costs more than all
 * else about a small answer. `send` dispatches it with the given handler. An abort is heard at once, also by a request that
 * waits for a connection: it is not sent any more.
 */
export function bufferResponse(
  send: (handler: Dispatcher.DispatchHandler) => void,
  signal: AbortSignal,
): Promise<BufferedResponse> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const onAbort = (): void => collector.abort(signal.reason)
    const leave = (): void => signal.removeEventListener('abort', onAbort)
    const collector = new Collector({
      resolve: (answer) => {
        leave()
        resolve(answer)
      },
      reject: (reason) => {
        leave()
        reject(reason)
      },
    })
    signal.addEventListener('abort', onAbort, { once: true })
    send(collector)
  })
}

type Controller = Dispatcher.DispatchController

class Collector implements Dispatcher.DispatchHandler {
  readonly #waiting: Waiting
  #controller: Controller | undefined
  #aborted: { reason: unknown } | undefined
  #statusCode = 0
  #headers: IncomingHttpHeaders = {}
  #chunks: Buffer[] = []

  constructor(waiting: Waiting) {
    this.#waiting = waiting
  }

  abort(reason: unknown): void {
    this.#aborted = { reason }
    this.#controller?.abort(reason instanceof Error ? reason : new Error('aborted', { cause: reason }))
    this.#waiting.reject(reason)
  }

  onRequestStart(controller: Controller): void {
    if (this.#aborted !== undefined) throw this.#aborted.reason // takes the request back unsent
    this.#controller = controller
  }

  onResponseStart(_controller: Controller, statusCode: number, headers: IncomingHttpHeaders): void {
    this.#statusCode = statusCode
    this.#headers = headers
  }

  onResponseData(_controller: Controller, chunk: Buffer): void {
    this.#chunks.push(chunk)
  }

  onResponseEnd(): void {
    const [only = Buffer.alloc(0)] = this.#chunks
    const body = this.#chunks.length > 1 ? Buffer.concat(this.#chunks) : only
    this.#waiting.resolve({ statusCode: this.#statusCode, headers: this.#headers, text: body.toString('utf8') })
  }

  onResponseError(_controller: Controller, error: Error): void {
    this.#waiting.reject(error)
  }
}
