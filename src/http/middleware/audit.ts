import type { Log } from '../../kube/runtime/logger.ts'
import type { FacadeMiddleware } from '../context.ts'

/** A path names the job also of calls that were refused before it was looked up. */
const LONGEST_PATH = 200

/**
 * Leaves one line in the log for each call of a known caller that changes something, or was to: who, what, which job,
 * what came of it. It stands before the envelope, which says the last word about the status.
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

/** Says that a call changes something. */
export function markMutation(name: string): FacadeMiddleware {
  return (ctx, next) => {
    ctx.state.mutation = name
    return next()
  }
}
