import { Fifo } from '../../collections/fifo.ts'

/** Urgent keys are served first; deferred keys have work that can wait, such as status writes. */
export type Lane = 'urgent' | 'deferred'

/** How many further keys may be served as deferred. */
export interface Room {
  deferred: number
  /** The same for keys with overdue work. */
  overdue: number
}

/** A key taken from its lane. */
export interface Served {
  key: string
  lane: Lane
  waitedMs: number
  /** When its deferred work was first postponed, if this reconcile may postpone it again. */
  deferredSince: number | undefined
}

/** While urgent keys that came earlier wait, one overdue key is served after this many of them: there may be very many. */
const URGENT_PER_OVERDUE = 8

/**
 * Keys queued in two lanes. Each is queued at most once, first come, first served within its lane. The urgent lane has
 * priority, but a key with overdue deferred work takes its turn among the urgent ones, as if it had been added to them when
 * it became overdue, or sooner if that would be long. It is served as deferred.
 */
export class Lanes {
  readonly #urgent = new Fifo<number>() // key -> queued since
  readonly #deferred = new Fifo<number>()
  readonly #postponedSince = new Map<string, number>() // key -> when its deferred work was first postponed
  readonly #overdueMs: number
  /** Urgent keys served while an overdue one waits, since the last overdue one. */
  #urgentInARow = 0

  constructor(overdueMs: number) {
    this.#overdueMs = overdueMs
  }

  sizeOf(lane: Lane): number {
    return lane === 'urgent' ? this.#urgent.size : this.#deferred.size
  }

  /** Whether the key waits in a lane. */
  has(key: string): boolean {
    return this.#urgent.has(key) || this.#deferred.has(key)
  }

  /** Moves a deferred key to the urgent lane when it is added there; never the other way round. */
  add(key: string, lane: Lane, now: number): void {
    if (this.#urgent.has(key)) return
    const since = this.#deferred.get(key) ?? now
    if (lane === 'deferred') this.#deferred.set(key, since)
    else {
      this.#deferred.delete(key)
      this.#urgent.set(key, since)
    }
  }

  /** Records that deferred work of the key is postponed; the earliest time counts. */
  markDeferred(key: string, since: number): void {
    if (!this.#postponedSince.has(key)) this.#postponedSince.set(key, since)
  }

  /** The next key. */
  take(now: number, room: Room): Served | undefined {
    const lane = this.#next(now, room)
    const key = lane.first()
    if (key === undefined) return undefined
    const since = lane.get(key) ?? now
    const postponedSince = this.#postponedSince.get(key)
    const isDeferred = this.#deferred.delete(key) || this.#isOverdue(postponedSince, now)
    this.#urgent.delete(key)
    this.#postponedSince.delete(key)
    return {
      key,
      lane: isDeferred ? 'deferred' : 'urgent',
      waitedMs: now - since,
      deferredSince: isDeferred ? undefined : postponedSince,
    }
  }

  /** The lane whose first key is the next one. */
  #next(now: number, room: Room): Fifo<number> {
    const dueAt = room.overdue > 0 ? this.#overdueAt(now) : undefined
    if (this.#urgent.size === 0) return dueAt !== undefined || room.deferred > 0 ? this.#deferred : this.#urgent
    const urgentSince = this.#urgent.get(this.#urgent.first() ?? '') ?? now
    const isTurn = dueAt !== undefined && (dueAt < urgentSince || this.#urgentInARow >= URGENT_PER_OVERDUE)
    this.#urgentInARow = isTurn || dueAt === undefined ? 0 : this.#urgentInARow + 1
    return isTurn ? this.#deferred : this.#urgent
  }

  /** When the first deferred key became overdue, if it is. */
  #overdueAt(now: number): number | undefined {
    const first = this.#deferred.first()
    const since = first === undefined ? undefined : this.#postponedSince.get(first)
    return since !== undefined && this.#isOverdue(since, now) ? since + this.#overdueMs : undefined
  }

  #isOverdue(postponedSince: number | undefined, now: number): boolean {
    return postponedSince !== undefined && now - postponedSince >= this.#overdueMs
  }
}
