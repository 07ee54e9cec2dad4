import { GRACE_MS } from '../cluster/freshness.ts'
import type { KubeClient } from '../kube/client/client.ts'
import type { Clock } from '../kube/runtime/clock.ts'
import { reviewAccess } from './access-review.ts'
import type { Permission } from './permissions.ts'
import { type ReviewAnswer, ReviewCache } from './review-cache.ts'
import { digest, type StaticTokens } from './static-tokens.ts'
import { type Caller, isReviewable, reviewToken } from './token-review.ts'

export interface AuthorityOptions {
  client: KubeClient
  clock: Clock
  /** Whose jobs and runners the rights are about. */
  namespace: string
  /** That Kubernetes tokens must be made for. */
  audience: string
  tokens?: StaticTokens | undefined
  /** How long the API server's yes counts. */
  keepMs: number
}

/** Tokens that are unknown to us and are asked about at a time: a part of what the client has in flight. */
const MOST_STRANGERS = 16

const nobody: ReviewAnswer<Caller> = { value: undefined, isStale: false }

/**
 * Who a caller is, and what he may do. RBAC decides alone: holders of static tokens are judged by their user and
 * groups, as all others. Rejects where the API server does not answer and nothing is known from before.
 */
export class Authority {
  readonly #options: AuthorityOptions
  readonly #callers: ReviewCache<Caller>
  readonly #rights: ReviewCache<true>
  /** The same callers come with the same questions. */
  readonly #questions = new WeakMap<Caller, Map<Permission, string>>()

  constructor(options: AuthorityOptions) {
    const { clock, keepMs } = options
    this.#options = options
    this.#callers = new ReviewCache({ clock, keepMs, graceMs: GRACE_MS, mostNew: MOST_STRANGERS })
    this.#rights = new ReviewCache({ clock, keepMs, graceMs: GRACE_MS })
  }

  /** Who holds a token, if anybody does. */
  async callerOf(token: string): Promise<ReviewAnswer<Caller>> {
    const { client, clock, tokens, audience } = this.#options
    const known = await tokens?.callerOf(token)
    if (known !== undefined) return { value: known, isStale: false }
    if (!isReviewable(token, { audience, nowMs: clock.now().getTime() })) return nobody
    return this.#callers.get(digest(token), (signal) => reviewToken(client, { token, audience }, signal))
  }

  /** Whether a caller has a right. */
  async allows(caller: Caller, access: Permission): Promise<ReviewAnswer<true>> {
    const { client, namespace } = this.#options
    const question = this.#questionOf(caller, access)
    return this.#rights.get(question, (signal) => reviewAccess(client, { caller, access, namespace }, signal))
  }

  #questionOf(caller: Caller, access: Permission): string {
    const known = this.#questions.get(caller)?.get(access)
    if (known !== undefined) return known
    const { user, uid, groups, extra } = caller
    const question = digest(JSON.stringify([user, uid, groups, extra, access]))
    const questions = this.#questions.get(caller) ?? new Map<Permission, string>()
    this.#questions.set(caller, questions.set(access, question))
    return question
  }
}

/** Who decides on callers, for those that ask. */
export type Authorizer = Pick<Authority, 'callerOf' | 'allows'>
