/** Time as an argument: wall time for values that others read, monotonic time for all decisions about durations. */
export interface Clock {
  now(): Date
  monotonicMs(): number
  /** Calls back once after the delay; the returned function cancels it. */
  setTimer(callback: () => void, delayMs: number): () => void
  /** Resolves after the delay; rejects with the signal's reason as soon as it is aborted. */
  sleep(delayMs: number, signal: AbortSignal): Promise<void>
}

/** Implements `sleep` for any clock that has timers. */
export function sleepOn(clock: Pick<Clock, 'setTimer'>, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const onAbort = (): void => {
      cancel()
      reject(signal.reason)
    }
    const cancel = clock.setTimer(() => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    }, delayMs)
    signal.addEventListener('abort', onAbort, { once: true })
  })
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  setTimer(callback, delayMs) {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  },
  sleep: (delayMs, signal) => sleepOn(systemClock, delayMs, signal),
}

/** Lets the event loop serve sockets and timers once. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
