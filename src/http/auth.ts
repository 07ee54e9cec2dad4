import { HttpError } from './http-error.ts'
import type { FacadeMiddleware } from './state.ts'
import type { Caller } from './static-tokens.ts'

/** Finds out who holds a token. */
export type Authenticate = (token: string) => Promise<Caller | undefined>

/** Lets only known callers through, and says who it is in `ctx.state.caller`. The answer gives no detail. */
export function requireToken(authenticate: Authenticate): FacadeMiddleware {
  return async (ctx, next) => {
    const caller = await callerOf(authenticate, ctx.get('Authorization'))
    if (caller === undefined) {
      const headers = { 'WWW-Authenticate': 'Bearer' }
      throw new HttpError(401, 'Unauthorized', 'a valid bearer token is required', headers)
    }
    ctx.state.caller = caller
    await next()
  }
}

async function callerOf(authenticate: Authenticate, header: string): Promise<Caller | undefined> {
  const token = /^Bearer +([\x21-\x7e]+) *$/i.exec(header)?.[1]
  return token === undefined ? undefined : authenticate(token)
}
