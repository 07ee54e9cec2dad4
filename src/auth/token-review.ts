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

/** Whether a token can be one of the cluster's at all; nothing else is worth a request. */
export function isReviewable(token: string): boolean {
  return JWT.test(token)
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
  try {
    const payload = Buffer.from(JWT.exec(token)?.[1] ?? '', 'base64url').toString()
    const { exp } = asObject(JSON.parse(payload))
    return typeof exp === 'number' ? exp * 1000 : undefined
  } catch {
    return undefined
  }
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
