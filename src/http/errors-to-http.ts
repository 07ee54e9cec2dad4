import { Forbidden, Invalid, isOutage, LeaseLost, NamespaceTerminating, NotFound } from '../kube/client/errors.ts'
import { HttpError } from './http-error.ts'

const RETRY_SECONDS = '5'

/** The only place that maps errors to status codes. Messages that are not meant for callers are left out. */
export function errorToHttp(error: unknown): HttpError {
  if (error instanceof HttpError) return error
  if (error instanceof Invalid) return new HttpError(400, 'InvalidRequest', error.message)
  if (error instanceof NamespaceTerminating)
    return unavailable('the namespace is being deleted, nothing can be created')
  if (isClusterTrouble(error)) return clusterUnavailable()
  return new HttpError(500, 'InternalError', 'internal error')
}

/** The response while the cluster cannot be used; the same request may succeed in a moment. */
export function clusterUnavailable(): HttpError {
  return unavailable('the cluster is unavailable, try again shortly')
}

function unavailable(message: string): HttpError {
  return new HttpError(503, 'ClusterUnavailable', message, { 'Retry-After': RETRY_SECONDS })
}

function isClusterTrouble(error: unknown): boolean {
  if (isOutage(error) || error instanceof LeaseLost) return true
  // Routes handle objects that are not found. What remains is a missing namespace or CRD, an exhausted quota, or
  // missing permissions of the operator.
  return error instanceof NotFound || error instanceof Forbidden
}
