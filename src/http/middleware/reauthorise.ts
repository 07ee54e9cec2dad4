import { Readable } from 'node:stream'
import type { Authorizer } from '../../auth/authority.ts'
import { bearerOf } from '../../auth/bearer.ts'
import type { Permission } from '../../auth/permissions.ts'
import type { Clock } from '../../kube/runtime/clock.ts'
import type { Log } from '../../kube/runtime/logger.ts'
import type { FacadeContext, FacadeMiddleware } from '../context.ts'
import { goneSignal } from '../input/request-signal.ts'

interface Watching {
  authority: Authorizer
  clock: Pick<Clock, 'setTimer'>
  log: Log
  /** How often is asked. */
  everyMs: number
}

/** Asks again whether a caller may have it while an answer goes on, for as long as that takes; cuts it off if not. */
export function reauthorise(access: Permission, watching: Watching): FacadeMiddleware {
  return async (ctx, next) => {
    await next()
    if (ctx.body instanceof Readable && !ctx.res.destroyed) scheduleReauthorisation(ctx, access, watching)
  }
}

function scheduleReauthorisation(
  ctx: FacadeContext,
  access: Permission,
  { authority, clock, log, everyMs }: Watching,
): void {
  const ask = async (): Promise<void> => {
    const isAllowed = await mayGoOn(ctx, access, authority).catch(() => false)
    if (ctx.res.destroyed) return
    if (isAllowed) wait()
    else {
      log.info({ user: ctx.state.caller?.user, path: ctx.path }, 'answer cut off: its right has gone')
      ctx.res.destroy()
    }
  }
  let cancel = (): void => {}
  const wait = (): void => {
    cancel = clock.setTimer(() => void ask(), everyMs)
  }
  wait()
  goneSignal(ctx).addEventListener('abort', () => cancel(), { once: true })
}

async function mayGoOn(ctx: FacadeContext, access: Permission, authority: Authorizer): Promise<boolean> {
  const { value: caller } = await authority.callerOf(bearerOf(ctx.get('Authorization')) ?? '')
  return caller !== undefined && (await authority.allows(caller, access)).value === true
}
