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
    const leave = (): void => signal.removeEventListener('abort', onAbort)
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(
      (value) => {
        leave()
        resolve(value)
      },
      (error: unknown) => {
        leave()
        reject(error)
      },
    )
  })
}

/** A controller that is also aborted with any of the signals, until it is released. */
export interface LinkedController {
  readonly signal: AbortSignal
  readonly abort: (reason: unknown) => void
  readonly release: () => void
}

/**
 * Links for the time of one call. Unlike AbortSignal.any it leaves nothing behind at signals that live as long
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

/** A promise that somebody else settles. */
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

/** Asks with a signal that is aborted as well after so long, as a server that did not answer. */
export async function withTimeout<T>(
  limit: { clock: Clock; ms: number },
  signal: AbortSignal,
  ask: (limited: AbortSignal) => Promise<T>,
): Promise<T> {
  const limited = linkedAbortController(signal)
  const giveUp = (): void => limited.abort(new Unreachable(`no answer within ${limit.ms} ms`))
  const cancel = limit.clock.setTimer(giveUp, limit.ms)
  try {
    return await ask(limited.signal)
  } finally {
    cancel()
    limited.release()
  }
}
