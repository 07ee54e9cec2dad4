import { Unreachable } from '../client/errors.ts'
import type { Clock } from './clock.ts'

/** Settles with the promise, or rejects with the signal's reason as soon as it is aborted. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      promise.catch(() => {})
      return reject(signal.reason)
    }
    const onAbort = (): void => reject(signal.reason)
    const unlisten = (): void => signal.removeEventListener('abort', onAbort)
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(
      (value) => {
        unlisten()
        resolve(value)
      },
      (error: unknown) => {
        unlisten()
        reject(error)
      },
    )
  })
}

/** An abort controller that any of the linked signals also aborts, until it is released. */
export interface LinkedController {
  readonly signal: AbortSignal
  readonly abort: (reason: unknown) => void
  readonly release: () => void
}

/**
 * Links signals for the time of one call. Unlike AbortSignal.any it leaves no listener on signals that live as long
 * as the process.
 */
export function linkedAbortController(...signals: readonly AbortSignal[]): LinkedController {
  const controller = new AbortController()
  const undo: (() => void)[] = []
  for (const signal of signals) {
    const onAbort = (): void => controller.abort(signal.reason)
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    undo.push(() => signal.removeEventListener('abort', onAbort))
  }
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    release: () => undo.forEach((unlink) => unlink()),
  }
}

/** A promise with its resolve function. */
export interface Deferred<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
}

export function deferred<T>(): Deferred<T> {
  let settle: (value: T) => void = unset
  const promise = new Promise<T>((resolve) => {
    settle = resolve
  })
  return { promise, resolve: settle }
}

function unset(): void {}

/** Calls `ask` with a signal that is also aborted after the time limit, with Unreachable as its reason. */
export async function withTimeout<T>(
  limit: { clock: Clock; ms: number },
  signal: AbortSignal,
  ask: (limited: AbortSignal) => Promise<T>,
): Promise<T> {
  const limited = linkedAbortController(signal)
  const giveUp = (): void => limited.abort(new Unreachable(`no response within ${limit.ms} ms`))
  const cancel = limit.clock.setTimer(giveUp, limit.ms)
  try {
    return await ask(limited.signal)
  } finally {
    cancel()
    limited.release()
  }
}
