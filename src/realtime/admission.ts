import type { IncomingHttpHeaders } from 'node:http'
import { rights } from '../http/access.ts'
import { bearerOf } from '../http/auth.ts'
import type { Judge } from '../http/authority.ts'

/** Says whether a connection may be opened; `token` is one that came by other means than a header. */
export type Admit = (headers: IncomingHttpHeaders, token?: string) => Promise<boolean>

/** Prefix by which browsers, which cannot set headers, hand a token over among the subprotocols. */
export const TOKEN_PROTOCOL = 'runnerhub.bearer.'

/** Admits whoever may watch jobs, or everybody where that is configured. */
export function admission(authority: Judge, { anonymous }: { anonymous: boolean }): Admit {
  return async (headers, token) => {
    if (anonymous) return true
    const bearer = token ?? bearerOf(headers.authorization ?? '') ?? protocolToken(headers)
    if (bearer === undefined) return false
    const { value: caller } = await authority.callerOf(bearer)
    return caller !== undefined && (await authority.allows(caller, rights.watchJobs)).value === true
  }
}

function protocolToken(headers: IncomingHttpHeaders): string | undefined {
  const protocols = (headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim())
  return protocols.find((protocol) => protocol.startsWith(TOKEN_PROTOCOL))?.slice(TOKEN_PROTOCOL.length)
}
