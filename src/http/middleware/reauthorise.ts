import { Readable } from 'node:stream'
import type { Authorizer } from '../../auth/authority.ts'
import { bearerOf } from '../../auth/bearer.ts'
import { type Permission, permissions } from '../../auth/permissions.ts'
import type { Clock } from '../../kube/runtime/clock.ts'
import type { Log } from '../../kube/runtime/logger.ts'
import type { FacadeContext, FacadeMiddleware } from '../context.ts'
import { goneSignal } from '../input/request-signal.ts'

interface Options {
  authority: Authorizer
  clock: Pick<Clock, 'setTimer'>
  log: Log
  /** Time between two checks. */
  everyMs: number
}

/** Checks the permission again while a response is streamed, and cuts the response off when the caller has lost it. */
export function reauthorise(permission: Permission, options: Options): FacadeMiddleware {
  return async (ctx, next) => {
    await next()
    if (ctx.body instanceof Readable && !ctx.res.destroyed) scheduleReauthorisation(ctx, permission, options)
  }
}

function scheduleReauthorisation(
  ctx: FacadeContext,
  permission: Permission,
  { authority, clock, log, everyMs }: Options,
): void {
  const check = async (): Promise<void> => {
    const isAllowed = await isStillAllowed(ctx, permission, authority).catch(() => false)
    if (ctx.res.destroyed) return
    if (isAllowed) schedule()
    else {
      log.info({ user: ctx.state.caller?.user, path: ctx.path }, 'response cut off: the caller has lost the permission')
      ctx.res.destroy()
    }
  }
  let cancel = (): void => {}
  const schedule = (): void => {
    cancel = clock.setTimer(() => void check(), everyMs)
  }
  schedule()
  goneSignal(ctx).addEventListener('abort', () => cancel(), { once: true })
}

async function isStillAllowed(ctx: FacadeContext, permission: Permission, authority: Authorizer): Promise<boolean> {
  const { value: caller } = await authority.callerOf(bearerOf(ctx.get('Authorization')) ?? '')
  if (caller === undefined || caller.user !== ctx.state.caller?.user) return false
  const needed = ctx.state.usesAllJobs === true ? [permission, permissions.useAllJobs] : [permission]
  const results = await Promise.all(needed.map((each) => authority.allows(caller, each)))
  return results.every(({ value }) => value === true)
}
