import type { IncomingHttpHeaders } from 'node:http'
import type { Judge } from '../auth/authority.ts'
import { isWelcome } from '../auth/origin.ts'
import { rights } from '../auth/permissions.ts'
import type { RequestCounts } from '../auth/window-counter.ts'
import { bearerOf } from '../http/middleware/require-auth.ts'

/** Who wants to connect, or is connected. */
export interface Visitor {
  headers: IncomingHttpHeaders
  /** Of the other end of the connection. */
  address: string
  /** One that came by other means than a header. */
  token?: string | undefined
  /** Is connected already: what others from the same address do is not held against it. */
  isInside?: true
}

/** What comes of it. `caller` is what connections are counted by. */
export type Verdict =
  | { is: 'admitted'; caller: string; mayList: boolean }
  | { is: 'unknown' } // no token, or one that nobody holds
  | { is: 'forbidden' } // without the right to watch jobs, or from a page that must show a token
  | { is: 'tooMany'; leftMs: number } // from an address that has been refused too often, for so long

export type Admitted = Extract<Verdict, { is: 'admitted' }>

/** Says whether a connection may be opened, or stay. Rejects where nobody can tell. */
export type Admit = (visitor: Visitor) => Promise<Verdict>

/** Prefix by which browsers, which cannot set headers, hand a token over among the subprotocols. */
export const TOKEN_PROTOCOL = 'runnerhub.bearer.'

export interface AdmissionOptions {
  authority: Judge
  /** Nobody needs a token, but for pages of other origins. */
  anonymous: boolean
  /** Whose pages need no token then; without a list, those of this host and of the browser's own machine. */
  origins?: readonly string[] | undefined
  /** What an address counts as, given the X-Forwarded-For header. */
  clientOf: (peer: string, forwardedFor: string) => string
  /** How often an address was refused, and may be: each unknown token costs the API server a question. */
  refused: RequestCounts
  mostRefused: number
}

/** Admits whoever may watch jobs, or everybody where that is configured. */
export function admission(options: AdmissionOptions): Admit {
  const { anonymous, origins, clientOf, refused, mostRefused } = options
  return async ({ headers, address, token, isInside }) => {
    const client = clientOf(address, String(headers['x-forwarded-for'] ?? ''))
    const isOpen = anonymous && isWelcome(headers.origin, headers.host, origins)
    if (isOpen) return { is: 'admitted', caller: `at ${client}`, mayList: true }
    const bearer = token ?? bearerOf(headers.authorization ?? '') ?? protocolToken(headers)
    if (bearer === undefined) return { is: anonymous ? 'forbidden' : 'unknown' }
    if (isInside) return verdictOn(bearer, options.authority)
    const { count, leftMs } = refused.of(client)
    if (count >= mostRefused) return { is: 'tooMany', leftMs }
    const verdict = await verdictOn(bearer, options.authority)
    if (verdict.is !== 'admitted') refused.add(client)
    return verdict
  }
}

async function verdictOn(token: string, authority: Judge): Promise<Verdict> {
  const { value: caller } = await authority.callerOf(token)
  if (caller === undefined) return { is: 'unknown' }
  const mayWatch = (await authority.allows(caller, rights.watchJobs)).value === true
  if (!mayWatch) return { is: 'forbidden' }
  const mayList = (await authority.allows(caller, rights.listJobs)).value === true
  return { is: 'admitted', caller: caller.user, mayList }
}

function protocolToken(headers: IncomingHttpHeaders): string | undefined {
  const protocols = (headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim())
  return protocols.find((protocol) => protocol.startsWith(TOKEN_PROTOCOL))?.slice(TOKEN_PROTOCOL.length)
}
