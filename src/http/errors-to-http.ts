import { Forbidden, Invalid, isOutage, LeaseLost, NamespaceTerminating, NotFound } from '../kube/client/errors.ts'
import { HttpError } from './http-error.ts'

const RETRY_SECONDS = '5'

/** The only place where an error becomes a status code. What is not meant for callers stays out of the message. */
export function errorToHttp(error: unknown): HttpError {
  if (error instanceof HttpError) return error
  if (error instanceof Invalid) return new HttpError(400, 'InvalidRequest', error.message)
  if (error instanceof NamespaceTerminating)
    return unavailable('the namespace is being deleted, nothing can be created')
  if (isClusterTrouble(error)) return clusterUnavailable()
  return new HttpError(500, 'InternalError', 'internal error')
}

/** What cannot be done now, and may be in a moment. */
export function clusterUnavailable(): HttpError {
  return unavailable('the cluster does not answer, try again shortly')
}

function unavailable(message: string): HttpError {
  return new HttpError(503, 'ClusterUnavailable', message, { 'Retry-After': RETRY_SECONDS })
}

function isClusterTrouble(error: unknown): boolean {
  if (isOutage(error) || error instanceof LeaseLost) return true
  // Routes handle the absence of what was asked for; what is left is a namespace or a CRD that is not there,
  // a quota that is used up, or rights that we lack.
  return error instanceof NotFound || error instanceof Forbidden
}
