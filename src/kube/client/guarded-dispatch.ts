import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import type { WriteGuard } from '../election/write-guard.ts'

/**
 * Checks the guard where undici is about to write the request: it has an idle connection and writes the bytes to the
 * socket in the same turn of the event loop. A throw there cancels the request unsent.
 */
export function guardedDispatch(guard: WriteGuard): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) =>
    function dispatchGuarded(options, handler) {
      return dispatch(options, new GuardedHandler(guard, handler))
    }
}

type Controller = Dispatcher.DispatchController

/** Checks the guard when undici is about to write the request of the inner handler. */
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
