import type { IncomingHttpHeaders } from 'node:http'
import type { Authorizer } from '../auth/authority.ts'
import { bearerOf } from '../auth/bearer.ts'
import { isTrustedOrigin } from '../auth/origin.ts'
import { permissions } from '../auth/permissions.ts'
import type { FixedWindowCounter } from '../auth/window-counter.ts'
import { asksForWebSocket } from './upgrades.ts'

/** Who wants to connect, or is connected. */
export interface Handshake {
  headers: IncomingHttpHeaders
  /** Of the other end of the connection. */
  address: string
  /** One that came by other means than a header. */
  token?: string | undefined
  /** Is connected already: what others from the same address do is not held against it. */
  isInside?: true
}

/** What comes of it. `caller` is what connections are counted by. */
export type AdmissionDecision =
  | { is: 'admitted'; caller: string; mayList: boolean }
  | { is: 'unknown' } // no token, or one that nobody holds
  | { is: 'forbidden' } // without the right to watch jobs, or from a page that must show a token
  | { is: 'tooMany'; leftMs: number } // from an address that has been refused too often, for so long

export type Admitted = Extract<AdmissionDecision, { is: 'admitted' }>

/** Says whether a connection may be opened, or stay. Rejects where nobody can tell. */
export type Admit = (handshake: Handshake) => Promise<AdmissionDecision>

/** Prefix by which browsers, which cannot set headers, hand a token over among the subprotocols. */
export const TOKEN_PROTOCOL = 'runnerhub.bearer.'

export interface AdmissionOptions {
  authority: Authorizer
  /** Nobody needs a token, but for pages of other origins. */
  anonymous: boolean
  /** Whose pages need no token then; without a list, those of the browser's own machine and of a host that is surely this. */
  origins?: readonly string[] | undefined
  /** What an address counts as, given the X-Forwarded-For header. */
  clientOf: (peer: string, forwardedFor: string) => string
  /** How often an address was refused, and may be: each unknown token costs the API server a question. */
  refused: FixedWindowCounter
  mostRefused: number
}

/** Admits whoever may watch jobs, or everybody where that is configured. */
export function admission(options: AdmissionOptions): Admit {
  const { anonymous, origins, clientOf, refused, mostRefused } = options
  return async ({ headers, address, token, isInside }) => {
    const client = clientOf(address, String(headers['x-forwarded-for'] ?? ''))
    const { origin, host } = headers
    const isOpen = anonymous && isTrustedOrigin({ origin, host, isWebSocket: asksForWebSocket({ headers }) }, origins)
    if (isOpen) return { is: 'admitted', caller: `at ${client}`, mayList: true }
    const bearer = token ?? bearerOf(headers.authorization ?? '') ?? protocolToken(headers)
    if (bearer === undefined) return { is: anonymous ? 'forbidden' : 'unknown' }
    if (isInside) return verdictOn(bearer, options.authority)
    const { count, leftMs } = refused.of(client)
    if (count >= mostRefused) return { is: 'tooMany', leftMs }
    const decision = await verdictOn(bearer, options.authority)
    if (decision.is !== 'admitted') refused.add(client)
    return decision
  }
}

async function verdictOn(token: string, authority: Authorizer): Promise<AdmissionDecision> {
  const { value: caller } = await authority.callerOf(token)
  if (caller === undefined) return { is: 'unknown' }
  const mayWatch = (await authority.allows(caller, permissions.watchJobs)).value === true
  if (!mayWatch) return { is: 'forbidden' }
  const mayList = (await authority.allows(caller, permissions.listJobs)).value === true
  return { is: 'admitted', caller: caller.user, mayList }
}

function protocolToken(headers: IncomingHttpHeaders): string | undefined {
  const protocols = (headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim())
  return protocols.find((protocol) => protocol.startsWith(TOKEN_PROTOCOL))?.slice(TOKEN_PROTOCOL.length)
}
