import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'

/** A complete response. */
export interface BufferedResponse {
  statusCode: number
  headers: IncomingHttpHeaders
  text: string
}

/** Settles the promise of a response. */
interface Settle {
  resolve: (response: BufferedResponse) => void
  reject: (reason: unknown) => void
}

/**
 * Sends a request and buffers its response. `Dispatcher.request` would create a stream, which costs more than the rest
 * of a small response. `send` dispatches the request with the given handler. An abort rejects at once; a request that
 * still waits for a connection is never sent.
 */
export function bufferResponse(
  send: (handler: Dispatcher.DispatchHandler) => void,
  signal: AbortSignal,
): Promise<BufferedResponse> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const onAbort = (): void => collector.abort(signal.reason)
    const unlisten = (): void => signal.removeEventListener('abort', onAbort)
    const collector = new Collector({
      resolve: (response) => {
        unlisten()
        resolve(response)
      },
      reject: (reason) => {
        unlisten()
        reject(reason)
      },
    })
    signal.addEventListener('abort', onAbort, { once: true })
    send(collector)
  })
}

type Controller = Dispatcher.DispatchController

class Collector implements Dispatcher.DispatchHandler {
  readonly #settle: Settle
  #controller: Controller | undefined
  #aborted: { reason: unknown } | undefined
  #statusCode = 0
  #headers: IncomingHttpHeaders = {}
  #chunks: Buffer[] = []

  constructor(settle: Settle) {
    this.#settle = settle
  }

  abort(reason: unknown): void {
    this.#aborted = { reason }
    this.#controller?.abort(reason instanceof Error ? reason : new Error('aborted', { cause: reason }))
    this.#settle.reject(reason)
  }

  onRequestStart(controller: Controller): void {
    if (this.#aborted !== undefined) throw this.#aborted.reason // cancels the request unsent
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
    this.#settle.resolve({ statusCode: this.#statusCode, headers: this.#headers, text: body.toString('utf8') })
  }

  onResponseError(_controller: Controller, error: Error): void {
    this.#settle.reject(error)
  }
}
