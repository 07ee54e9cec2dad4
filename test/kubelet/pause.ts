import { systemClock } from '../../src/kube/runtime/clock.ts'

/** Waits; the signal may end the wait. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  return ms === 0 ? Promise.resolve() : systemClock.sleep(ms, signal)
}
