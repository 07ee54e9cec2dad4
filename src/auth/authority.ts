import { GRACE_MS } from '../cluster/freshness.ts'
import type { KubeClient } from '../kube/client/client.ts'
import type { Clock } from '../kube/runtime/clock.ts'
import { reviewAccess } from './access-review.ts'
import type { Permission } from './permissions.ts'
import { type ReviewResult, ReviewCache } from './review-cache.ts'
import { digest, type StaticTokens } from './static-tokens.ts'
import { type Caller, isReviewable, reviewToken } from './token-review.ts'

export interface AuthorityOptions {
  client: KubeClient
  clock: Clock
  /** Namespace of the jobs and runners. */
  namespace: string
  /** Audience that Kubernetes tokens must be issued for. */
  audience: string
  tokens?: StaticTokens | undefined
  /** Cache TTL of granted reviews. */
  keepMs: number
}

/** Limit of concurrent reviews of unknown tokens: a part of the client's requests in flight. */
const MAX_NEW_REVIEWS = 16

const unknownCaller: ReviewResult<Caller> = { value: undefined, isStale: false }

/**
 * Authenticates and authorises callers. RBAC alone authorises, also holders of static tokens, by their user and groups.
 * Rejects if the API server is unreachable and no earlier review is cached.
 */
export class Authority {
  readonly #options: AuthorityOptions
  readonly #callers: ReviewCache<Caller>
  readonly #permissions: ReviewCache<true>
  /** Hashes of questions, which the same callers repeat. */
  readonly #questions = new WeakMap<Caller, Map<Permission, string>>()

  constructor(options: AuthorityOptions) {
    const { clock, keepMs } = options
    this.#options = options
    this.#callers = new ReviewCache({ clock, keepMs, graceMs: GRACE_MS, mostNew: MAX_NEW_REVIEWS })
    this.#permissions = new ReviewCache({ clock, keepMs, graceMs: GRACE_MS })
  }

  /** Returns the caller who holds a token, if any. */
  async callerOf(token: string): Promise<ReviewResult<Caller>> {
    const { client, clock, tokens, audience } = this.#options
    const known = await tokens?.callerOf(token)
    if (known !== undefined) return { value: known, isStale: false }
    if (!isReviewable(token, { audience, nowMs: clock.now().getTime() })) return unknownCaller
    return this.#callers.get(digest(token), (signal) => reviewToken(client, { token, audience }, signal))
  }

  /** Reviews whether a caller has a permission. */
  async allows(caller: Caller, permission: Permission): Promise<ReviewResult<true>> {
    const { client, namespace } = this.#options
    const question = this.#questionOf(caller, permission)
    return this.#permissions.get(question, (signal) => reviewAccess(client, { caller, permission, namespace }, signal))
  }

  #questionOf(caller: Caller, permission: Permission): string {
    const known = this.#questions.get(caller)?.get(permission)
    if (known !== undefined) return known
    const { user, uid, groups, extra } = caller
    const question = digest(JSON.stringify([user, uid, groups, extra, permission]))
    const questions = this.#questions.get(caller) ?? new Map<Permission, string>()
    this.#questions.set(caller, questions.set(permission, question))
    return question
  }
}

/** The interface of Authority for its users. */
export type Authorizer = Pick<Authority, 'callerOf' | 'allows'>
