import { ApiError, Conflict, LeaseLost, NamespaceTerminating, RetryLater } from '../client/errors.ts'

/** How an error of a reconcile affects its key. */
export type Failure =
  | { outcome: 'stopped' } // not the key's fault: the controller is stopping
  | { outcome: 'conflict' } // the cache was stale; expected
  | { outcome: 'requeue_after'; afterMs: number } // the delay is known
  | { outcome: 'error' } // back off

/** A terminating namespace does not recover; a new one of the same name may follow. */
const TERMINATING_MS = 60_000

/** The only place that maps errors of a reconcile to an outcome. */
export function failureOf(error: unknown, isStopping: boolean): Failure {
  if (error instanceof LeaseLost || isStopping) return { outcome: 'stopped' }
  if (error instanceof Conflict) return { outcome: 'conflict' }
  if (error instanceof NamespaceTerminating) return { outcome: 'requeue_after', afterMs: TERMINATING_MS }
  const afterMs = requestedDelay(error)
  return afterMs > 0 && Number.isFinite(afterMs) ? { outcome: 'requeue_after', afterMs } : { outcome: 'error' }
}

function requestedDelay(error: unknown): number {
  if (error instanceof RetryLater) return error.afterMs
  return error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0
}
