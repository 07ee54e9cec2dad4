import { isMessageLease } from '../../cluster/caches.ts'
import { needsMessage } from '../../domain/drift/message-drift.ts'
import { messageAt, type MessageAt, messageOfLease } from './messages.ts'
import type { AuditDeps } from './found.ts'

/** Most messages whose Secrets are looked for in one audit. */
const MOST = 50

/** A job usually starts sooner than this, and its Secrets cost no request then. */
const WAITED_MS = 30_000

/**
 * Chooses the messages whose Secrets are looked for. No cache has Secrets, so each costs a request: the messages of jobs
 * that have not started for a while take turns.
 */
export class SecretChecks {
  readonly #checked = new Set<string>() // keys of Leases, in this round

  /** Those of one audit. */
  next(deps: AuditDeps, everyMs: number): MessageAt[] {
    const waiting = this.#waiting(deps, Math.min(WAITED_MS, everyMs))
    const left = waiting.filter(({ key }) => !this.#checked.has(key))
    if (left.length <= MOST) this.#checked.clear()
    const chosen = left.slice(0, MOST)
    if (left.length > MOST) for (const { key } of chosen) this.#checked.add(key)
    return chosen
  }

  #waiting(deps: AuditDeps, leastMs: number): MessageAt[] {
    const found: MessageAt[] = []
    for (const lease of deps.caches.leases.list()) {
      const message = isMessageLease(lease) ? messageOfLease(lease) : undefined
      if (message === undefined) continue
      const place = messageAt(deps, message)
      const waitedMs = place.now.getTime() - place.storedAt.getTime()
      if (waitedMs > leastMs && needsMessage(place)) found.push(message)
    }
    return found
  }
}
