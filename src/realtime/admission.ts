import type { IncomingHttpHeaders } from 'node:http'
import type { Authenticate } from '../http/auth.ts'

/** Says whether a connection may be opened; `token` is one that came by other means than a header. */
export type Admit = (headers: IncomingHttpHeaders, token?: string) => Promise<boolean>

/** Prefix by which browsers, which cannot set headers, hand a token over among the subprotocols. */
export const TOKEN_PROTOCOL = 'runnerhub.bearer.'

/** Admits whoever has a token that is known, or everybody where that is configured. */
export function admission(authenticate: Authenticate, { anonymous }: { anonymous: boolean }): Admit {
  return async (headers, token) => {
    if (anonymous) return true
    const bearer = token ?? bearerOf(headers) ?? protocolToken(headers)
    return bearer !== undefined && (await authenticate(bearer)) !== undefined
  }
}

function bearerOf({ authorization = '' }: IncomingHttpHeaders): string | undefined {
  return /^Bearer +([\x21-\x7e]+) *$/i.exec(authorization)?.[1]
}

function protocolToken(headers: IncomingHttpHeaders): string | undefined {
  const protocols = (headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim())
  return protocols.find((protocol) => protocol.startsWith(TOKEN_PROTOCOL))?.slice(TOKEN_PROTOCOL.length)
}
