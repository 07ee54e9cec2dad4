import { ApiError, Conflict, LeaseLost, NamespaceTerminating, RetryLater } from '../client/errors.ts'

/** What an error of a pass means for its key. */
export type Failure =
  | { is: 'stopped' } // not the key's fault: the work ended around it
  | { is: 'conflict' } // the cache was behind; ordinary
  | { is: 'requeue_after'; afterMs: number } // it is known when to come back
  | { is: 'error' } // back off

/** A namespace that is being deleted does not come back; one of the same name may be made after it. */
const TERMINATING_MS = 60_000

/** The one place that maps the errors of reconciling to retry, later or give up. */
export function failureOf(error: unknown, isStopping: boolean): Failure {
  if (error instanceof LeaseLost || isStopping) return { is: 'stopped' }
  if (error instanceof Conflict) return { is: 'conflict' }
  if (error instanceof NamespaceTerminating) return { is: 'requeue_after', afterMs: TERMINATING_MS }
  const afterMs = askedDelay(error)
  return afterMs > 0 && Number.isFinite(afterMs) ? { is: 'requeue_after', afterMs } : { is: 'error' }
}

function askedDelay(error: unknown): number {
  if (error instanceof RetryLater) return error.afterMs
  return error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0
}
