import type { KubeClient } from '../kube/client/client.ts'
import { asObject } from '../kube/client/parse.ts'
import type { ReviewGrant } from './review-cache.ts'

/** The user of a request, in the API server's terms. */
export interface Caller {
  user: string
  uid: string
  groups: readonly string[]
  /** Extra fields from the token review; access reviews pass them back. */
  extra?: Readonly<Record<string, readonly string[]>>
}

/** The form of every token that can be bound to an audience. */
const JWT = /^[\w-]+\.([\w-]+)\.[\w-]+$/

/** Tolerated difference between this clock and the API server's. */
const SKEW_MS = 60_000

/** Required claims of a token. */
export interface Expected {
  audience: string
  nowMs: number
}

/**
 * Whether the claims of a token allow it to be valid: issued for this audience and not expired. Other tokens are not worth
 * a request. Only the API server verifies the claims.
 */
export function isReviewable(token: string, { audience, nowMs }: Expected): boolean {
  const { iss, aud, exp, nbf } = claimsOf(token)
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  if (typeof iss !== 'string' || iss === '' || !audiences.includes(audience)) return false
  const isExpired = typeof exp !== 'number' || exp * 1000 <= nowMs - SKEW_MS
  const hasBegun = nbf === undefined || (typeof nbf === 'number' && nbf * 1000 <= nowMs + SKEW_MS)
  return !isExpired && hasBegun
}

/** The unverified claims of a token; empty if it is not a JWT. */
function claimsOf(token: string): Record<string, unknown> {
  try {
    const payload = Buffer.from(JWT.exec(token)?.[1] ?? '', 'base64url').toString()
    return asObject(JSON.parse(payload))
  } catch {
    return {}
  }
}

/** Reviews a token; undefined if it is not valid or not for this audience. */
export async function reviewToken(
  client: KubeClient,
  { token, audience }: { token: string; audience: string },
  signal: AbortSignal,
): Promise<ReviewGrant<Caller> | undefined> {
  const path = '/apis/authentication.k8s.io/v1/tokenreviews'
  const spec = { token, audiences: [audience] }
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec }
  const status = asObject(asObject(await client.request('POST', path, { body }, signal))['status'])
  // Authenticators without support for audiences return none: their tokens are for the API server only.
  const isForUs = Array.isArray(status['audiences']) && status['audiences'].includes(audience)
  const caller = userOf(asObject(status['user']))
  if (status['authenticated'] !== true || !isForUs || caller === undefined) return undefined
  return { value: caller, expiresAtMs: expiryOf(token) }
}

/** Expiry of a valid token, if it has one. */
function expiryOf(token: string): number | undefined {
  const { exp } = claimsOf(token)
  return typeof exp === 'number' ? exp * 1000 : undefined
}

function userOf({ username, uid, groups, extra }: Record<string, unknown>): Caller | undefined {
  if (typeof username !== 'string' || username === '') return undefined
  return {
    user: username,
    uid: typeof uid === 'string' ? uid : '',
    groups: texts(groups),
    extra: Object.fromEntries(Object.entries(asObject(extra)).map(([key, values]) => [key, texts(values)])),
  }
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}
