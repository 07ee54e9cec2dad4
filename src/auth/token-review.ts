import type { KubeClient } from '../kube/client/client.ts'
import { asObject } from '../kube/client/parse.ts'
import type { ReviewGrant } from './review-cache.ts'

/** Who is calling, in the API server's terms. */
export interface Caller {
  user: string
  uid: string
  groups: readonly string[]
  /** What else the API server told about the holder of a token; access reviews hand it back. */
  extra?: Readonly<Record<string, readonly string[]>>
}

/** The form of every token that the API server may know and that can be bound to an audience. */
const JWT = /^[\w-]+\.([\w-]+)\.[\w-]+$/

/** How far our clock may be ahead of the API server's, or behind it. */
const SKEW_MS = 60_000

/** What a token has to say of itself. */
export interface Expected {
  audience: string
  nowMs: number
}

/**
 * Whether a token can be one of the cluster's, made for this audience and good now, as far as it says itself; nothing else
 * is worth a request. That what it says is true only the API server knows.
 */
export function isReviewable(token: string, { audience, nowMs }: Expected): boolean {
  const { iss, aud, exp, nbf } = claimsOf(token)
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  if (typeof iss !== 'string' || iss === '' || !audiences.includes(audience)) return false
  const isOver = typeof exp !== 'number' || exp * 1000 <= nowMs - SKEW_MS
  const hasBegun = nbf === undefined || (typeof nbf === 'number' && nbf * 1000 <= nowMs + SKEW_MS)
  return !isOver && hasBegun
}

/** What a token says, whoever wrote it; nothing where it is no token. */
function claimsOf(token: string): Record<string, unknown> {
  try {
    const payload = Buffer.from(JWT.exec(token)?.[1] ?? '', 'base64url').toString()
    return asObject(JSON.parse(payload))
  } catch {
    return {}
  }
}

/** Asks the API server whose token this is; undefined where it is not valid, or not for this audience. */
export async function reviewToken(
  client: KubeClient,
  { token, audience }: { token: string; audience: string },
  signal: AbortSignal,
): Promise<ReviewGrant<Caller> | undefined> {
  const path = '/apis/authentication.k8s.io/v1/tokenreviews'
  const spec = { token, audiences: [audience] }
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec }
  const status = asObject(asObject(await client.request('POST', path, { body }, signal))['status'])
  // Authenticators that know nothing of audiences name none: their tokens are for the API server alone.
  const isForUs = Array.isArray(status['audiences']) && status['audiences'].includes(audience)
  const caller = callerOf(asObject(status['user']))
  if (status['authenticated'] !== true || !isForUs || caller === undefined) return undefined
  return { value: caller, expiresAtMs: expiryOf(token) }
}

/** When a token that the API server has found good ends, if it says so. */
function expiryOf(token: string): number | undefined {
  const { exp } = claimsOf(token)
  return typeof exp === 'number' ? exp * 1000 : undefined
}

function callerOf({ username, uid, groups, extra }: Record<string, unknown>): Caller | undefined {
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
