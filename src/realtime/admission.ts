import type { IncomingHttpHeaders } from 'node:http'
import type { Authorizer } from '../auth/authority.ts'
import { bearerOf } from '../auth/bearer.ts'
import { isTrustedOrigin } from '../auth/origin.ts'
import { permissions } from '../auth/permissions.ts'
import type { FixedWindowCounter } from '../auth/window-counter.ts'
import type { JobScope } from '../domain/job/ownership.ts'
import { asksForWebSocket } from './upgrades.ts'

/** The caller of a connection, new or open. */
export interface Handshake {
  headers: IncomingHttpHeaders
  /** The address of the peer. */
  address: string
  /** A token from outside the headers, such as the Socket.IO handshake. */
  token?: string | undefined
  /** The connection is open already: refusals of other callers at the same address do not count against it. */
  isInside?: true
}

/** The result of an admission. Connections are counted per `caller`. */
export type AdmissionDecision =
  | { is: 'admitted'; caller: string; mayList: boolean; scope: JobScope }
  | { is: 'unknown' } // no token, or an unknown one
  | { is: 'forbidden' } // no permission to watch jobs, or a page that must send a token
  | { is: 'tooMany'; leftMs: number } // too many refusals for this address; `leftMs` until the next try

/** The decision about a new connection. An open one stays while the process has too much work. */
export type EntryDecision = AdmissionDecision | { is: 'overloaded' }

export type Admitted = Extract<AdmissionDecision, { is: 'admitted' }>

/** Decides whether a connection may open or stay open. Rejects if the decision cannot be made. */
export type Admit = (handshake: Handshake) => Promise<AdmissionDecision>

/** Decides whether a new connection may open. */
export type Enter = (handshake: Handshake) => Promise<EntryDecision>

/** Prefix of the subprotocol that carries a token: browsers cannot set headers. */
export const TOKEN_PROTOCOL = 'runnerhub.bearer.'

export interface AdmissionOptions {
  authority: Authorizer
  /** No token is required, except from pages of other origins. */
  anonymous: boolean
  /** Origins whose pages need no token then. Default: the browser's own machine and a host that is certainly this one. */
  origins?: readonly string[] | undefined
  /** The client address behind a peer, from the X-Forwarded-For header. */
  clientOf: (peer: string, forwardedFor: string) => string
  /** Refusals per address, which are limited: each unknown token costs the API server a review. */
  refused: FixedWindowCounter
  mostRefused: number
}

/** Admits callers that may watch jobs, or all callers if so configured. */
export function admission(options: AdmissionOptions): Admit {
  const { anonymous, origins, clientOf, refused, mostRefused } = options
  return async ({ headers, address, token, isInside }) => {
    const client = clientOf(address, String(headers['x-forwarded-for'] ?? ''))
    const { origin, host } = headers
    const isOpen = anonymous && isTrustedOrigin({ origin, host, isWebSocket: asksForWebSocket({ headers }) }, origins)
    if (isOpen) return { is: 'admitted', caller: `at ${client}`, mayList: true, scope: { is: 'all' } }
    const bearer = token ?? bearerOf(headers.authorization ?? '') ?? protocolToken(headers)
    if (bearer === undefined) return { is: anonymous ? 'forbidden' : 'unknown' }
    if (isInside) return decide(bearer, options.authority)
    const { count, leftMs } = refused.of(client)
    if (count >= mostRefused) return { is: 'tooMany', leftMs }
    const decision = await decide(bearer, options.authority)
    if (decision.is !== 'admitted') refused.add(client)
    return decision
  }
}

async function decide(token: string, authority: Authorizer): Promise<AdmissionDecision> {
  const { value: caller } = await authority.callerOf(token)
  if (caller === undefined) return { is: 'unknown' }
  const mayWatch = (await authority.allows(caller, permissions.watchJobs)).value === true
  if (!mayWatch) return { is: 'forbidden' }
  const [list, all] = await Promise.all([
    authority.allows(caller, permissions.listJobs),
    authority.allows(caller, permissions.useAllJobs),
  ])
  const { user } = caller
  const scope: JobScope = all.value === true ? { is: 'all' } : { is: 'own', user }
  return { is: 'admitted', caller: user, mayList: list.value === true, scope }
}

function protocolToken(headers: IncomingHttpHeaders): string | undefined {
  const protocols = (headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim())
  return protocols.find((protocol) => protocol.startsWith(TOKEN_PROTOCOL))?.slice(TOKEN_PROTOCOL.length)
}
