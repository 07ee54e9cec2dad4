import type { Log } from '../../kube/runtime/logger.ts'
import type { FacadeMiddleware } from '../context.ts'

/** Limit of the path in an audit line. The path names the job of requests that were rejected before it was found. */
const LONGEST_PATH = 200

/**
 * Logs one line for each request of a known caller that changes something or attempts to: caller, operation, job and
 * status code. It runs outside the envelope, which sets the final status code.
 */
export function audit(log: Log): FacadeMiddleware {
  return async (ctx, next) => {
    await next()
    const { caller, mutation, audit: details } = ctx.state
    if (mutation === undefined || caller === undefined) return
    const { user, uid } = caller
    const path = ctx.path.slice(0, LONGEST_PATH)
    log.info({ audit: mutation, user, uid, path, ...details, status: ctx.status }, 'audit')
  }
}

/** Marks a request as one that changes something. */
export function markMutation(name: string): FacadeMiddleware {
  return (ctx, next) => {
    ctx.state.mutation = name
    return next()
  }
}
