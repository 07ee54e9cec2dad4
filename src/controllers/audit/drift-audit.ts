import { configMaps } from '../../api/config-map.ts'
import { keyOf } from '../../api/object.ts'
import type { OrphanedLog, OrphanedLogs } from '../../archive/orphaned-logs.ts'
import { isStale } from '../../cluster/freshness.ts'
import { Lru } from '../../collections/lru.ts'
import type { DriftKind } from '../../domain/drift/drift.ts'
import { splitKey } from '../../kube/client/resource-path.ts'
import { confirmMessage, confirmSecrets } from './confirm-message.ts'
import { confirmPlace } from './confirm-place.ts'
import type { AuditDeps, Found } from './found.ts'
import { SecretChecks } from './secret-checks.ts'
import { idOf, isStill, reconciledFor, type Suspect, suspects } from './suspects.ts'

export interface AuditOptions {
  everyMs: number
  /** Called with the drifts of each kind that an audit found; with none at the end of the term. */
  onCounted: (counts: Readonly<Record<DriftKind, number>>) => void
}

/** For how long an object is seen without its marks before the audit acts: the caches of two kinds are not in step. */
const SETTLE_MS = 5000

/** Most drifts that are confirmed and healed at a time. */
const AT_A_TIME = 8

/** Most pods that are remembered as gone. */
const MOST_GONE = 10_000

/** What cannot be healed is tried again after ever more audits, up to so many. */
const LONGEST_PAUSE = 16

const none: Readonly<Record<DriftKind, number>> = { job: 0, runner: 0, pod: 0, message: 0, log: 0 }

/**
 * Compares jobs, Runners, pods, messages and logs with each other, for one term of leadership, and heals what has drifted.
 * A drift counts once the API server confirms it. What other controllers heal has to be there in two audits, since they
 * may be at it; the audit then wakes them. What waits for its turn in their queue is no drift, however long it waits.
 */
export class DriftAudit {
  readonly #deps: AuditDeps
  readonly #options: AuditOptions
  readonly #logs: OrphanedLogs | undefined
  readonly #secrets = new SecretChecks()
  readonly #gone = new Lru<string, true>(MOST_GONE) // by the UID of the pod
  #known: ReadonlySet<string> = new Set()
  #turns: ReadonlyMap<string, Turn> = new Map()

  constructor(deps: AuditDeps, options: AuditOptions, logs: OrphanedLogs | undefined) {
    this.#deps = deps
    this.#options = options
    this.#logs = logs
  }

  /** Audits until the signal. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, caches, log } = this.#deps
    const { everyMs, onCounted } = this.#options
    const stop = caches.jobs.onChange(({ now }) => now ?? this.#logs?.jobGone())
    let waitMs = this.#settleMs
    try {
      while (!signal.aborted) {
        await clock.sleep(waitMs, signal)
        waitMs = everyMs
        // What the caches show may be over.
        if (isStale(caches)) continue
        await this.#audit(signal).catch((error: unknown) => {
          if (!signal.aborted) log.warn({ err: error }, 'the audit of drifts has failed')
        })
      }
    } catch (error) {
      if (!signal.aborted) log.error({ err: error }, 'the audit of drifts has ended')
    } finally {
      stop()
      onCounted(none)
    }
  }

  get #settleMs(): number {
    return Math.min(SETTLE_MS, this.#options.everyMs)
  }

  async #audit(signal: AbortSignal): Promise<void> {
    const deps = this.#deps
    const seen = (await suspects(deps, this.#gone)).filter((suspect) => !this.#isQueued(suspect))
    if (seen.some((suspect) => isMarks(suspect))) await deps.clock.sleep(this.#settleMs, signal)
    const due = seen.filter(
      (suspect) => (isMarks(suspect) || this.#known.has(idOf(suspect.drift))) && isStill(deps, suspect),
    )
    this.#known = new Set(seen.map(({ drift }) => idOf(drift)))
    const found = [
      ...(await this.#all(due, (suspect) => this.#confirmed(suspect, signal), signal)),
      ...(await this.#all(
        this.#secrets.next(deps, this.#options.everyMs),
        (message) => confirmSecrets(deps, message, signal),
        signal,
      )),
      ...((await this.#logs?.look(signal)) ?? []).map((orphan) => this.#orphaned(orphan)),
    ]
    await this.#heal(found, signal)
  }

  #isQueued(suspect: Suspect): boolean {
    const next = reconciledFor(suspect)
    return next !== undefined && this.#deps.isQueued(next.kind, next.key)
  }

  async #confirmed({ drift, at }: Suspect, signal: AbortSignal): Promise<Found | undefined> {
    if (at.is === 'message') return confirmMessage(this.#deps, at.message, signal)
    const { found, hasPod } = await confirmPlace(this.#deps, { key: at.key, kind: drift.kind }, signal)
    if (drift.kind === 'pod' && !hasPod) this.#gone.set(drift.uid, true)
    return found
  }

  #orphaned(orphan: OrphanedLog): Found {
    const [first] = orphan.parts
    const { uid } = first.metadata
    return {
      drift: { kind: 'log', key: keyOf(first), uid, remedy: 'delete', message: 'its job is gone' },
      about: { resource: configMaps, object: first },
      heal: async (signal) => this.#logs?.delete(orphan, signal),
    }
  }

  /** Counts all, and heals those whose turn it is. */
  async #heal(found: readonly Found[], signal: AbortSignal): Promise<void> {
    const counts = { ...none }
    for (const { drift } of found) counts[drift.kind] += 1
    this.#options.onCounted(counts)
    const before = this.#turns
    const turns = new Map(found.map(({ drift }) => [idOf(drift), turnAfter(before.get(idOf(drift)))]))
    this.#turns = turns
    const due = found.filter(({ drift }) => turns.get(idOf(drift))?.isNow)
    await this.#all(due, (each) => this.#healOne(each, signal), signal)
  }

  async #healOne({ drift, about, heal }: Found, signal: AbortSignal): Promise<undefined> {
    const { log, recorder } = this.#deps
    const { kind, key, message, remedy } = drift
    log.warn({ kind, object: key, remedy, reason: message }, 'an object has drifted')
    const action = remedy === 'none' ? 'Audit' : 'Heal'
    const text = `${nounOf[kind]} ${splitKey(key).name}: ${message}`
    recorder.record(about, { type: 'Warning', reason: 'Drifted', message: text, action })
    await heal(signal)
    return undefined
  }

  /** Does the work for all, a few at a time, and returns what it found. One failure does not keep it from the others. */
  async #all<T, R>(items: readonly T[], work: (item: T) => Promise<R | undefined>, signal: AbortSignal): Promise<R[]> {
    const found: R[] = []
    let failure: { error: unknown } | undefined
    const tried = async (item: T): Promise<R | undefined> => {
      try {
        return await work(item)
      } catch (error) {
        failure ??= { error }
        return undefined
      }
    }
    for (let from = 0; from < items.length && !signal.aborted; from += AT_A_TIME) {
      const results = await Promise.all(items.slice(from, from + AT_A_TIME).map(tried))
      for (const result of results) if (result !== undefined) found.push(result)
    }
    if (failure !== undefined && !signal.aborted)
      this.#deps.log.warn({ err: failure.error }, 'cannot confirm or heal every drift')
    return found
  }
}

/** When a drift that stays is dealt with again: after 1, 2, 4 audits and so on. */
interface Turn {
  pause: number
  left: number
  isNow: boolean
}

function turnAfter(last: Turn | undefined): Turn {
  if (last === undefined) return { pause: 1, left: 1, isNow: true }
  if (last.left > 1) return { ...last, left: last.left - 1, isNow: false }
  const pause = Math.min(last.pause * 2, LONGEST_PAUSE)
  return { pause, left: pause, isNow: true }
}

/** Whether the audit itself acts: no other controller is at it. */
function isMarks({ drift: { remedy } }: Suspect): boolean {
  return remedy === 'restore' || remedy === 'none'
}

const nounOf: Readonly<Record<DriftKind, string>> = {
  job: 'RunnerJob',
  runner: 'Runner',
  pod: 'Pod',
  message: 'message',
  log: 'log',
}
