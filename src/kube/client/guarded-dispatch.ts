import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import type { WriteGuard } from '../election/write-guard.ts'

/**
 * Checks the guard where undici is about to write the request: a connection is there and idle, and in the same turn
 * of the event loop the bytes go to the socket. A throw there takes the request back unsent.
 */
export function guardedDispatch(guard: WriteGuard): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) =>
    function dispatchGuarded(options, handler) {
      return dispatch(options, new GuardedHandler(guard, handler))
    }
}

type Controller = Dispatcher.DispatchController

/** Lets the guard decide when the request of the inner handler is about to be written. */
export class GuardedHandler implements Dispatcher.DispatchHandler {
  readonly #guard: WriteGuard
  readonly #inner: Dispatcher.DispatchHandler

  constructor(guard: WriteGuard, inner: Dispatcher.DispatchHandler) {
    this.#guard = guard
    this.#inner = inner
  }

  onRequestStart(controller: Controller, context: unknown): void {
    this.#guard.check()
    this.#inner.onRequestStart?.(controller, context)
  }

  onResponseStart(
    controller: Controller,
    statusCode: number,
    headers: IncomingHttpHeaders,
    statusMessage?: string,
  ): void {
    this.#inner.onResponseStart?.(controller, statusCode, headers, statusMessage)
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    this.#inner.onResponseData?.(controller, chunk)
  }

  onResponseEnd(controller: Controller, trailers: IncomingHttpHeaders): void {
    this.#inner.onResponseEnd?.(controller, trailers)
  }

  onResponseError(controller: Controller, error: Error): void {
    this.#inner.onResponseError?.(controller, error)
  }
}
