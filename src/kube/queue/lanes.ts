import { Fifo } from '../../collections/fifo.ts'

/** Urgent keys are served first; deferred keys have work that can wait, such as status writes. */
export type Lane = 'urgent' | 'deferred'

/** How many further keys may be served as deferred. */
export interface Room {
  deferred: number
  /** The same for keys with overdue work. */
  overdue: number
  /** The same for keys that are long overdue. */
  late: number
}

/** A key taken from its lane. */
export interface Served {
  key: string
  lane: Lane
  waitedMs: number
  /** When its deferred work was first postponed, if this reconcile may postpone it again. */
  deferredSince: number | undefined
}

/** While urgent keys wait for long, one overdue key is served after this many of them: their queue may never end. */
const URGENT_PER_OVERDUE = 8

/**
 * Keys queued in two lanes. Each is queued at most once, first come, first served within its lane. The urgent lane has
 * priority, but a key with overdue deferred work takes its turn among the urgent ones, or sooner if that would be long,
 * and is then served as deferred. A key that is long overdue goes before urgent ones that came since.
 */
export class Lanes {
  readonly #urgent = new Fifo<number>() // key -> queued since
  readonly #deferred = new Fifo<number>()
  readonly #postponedSince = new Map<string, number>() // key -> when its deferred work was first postponed
  readonly #promoted = new Set<string>() // in the urgent lane only because they are overdue
  readonly #overdueMs: number
  readonly #lateMs: number
  /** Urgent keys served while a promoted one waits, since the last promoted one. */
  #urgentInARow = 0

  constructor({ overdueMs, lateMs }: { overdueMs: number; lateMs: number }) {
    this.#overdueMs = overdueMs
    this.#lateMs = lateMs
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
    this.#promote(now, room.overdue)
    const lane = this.#urgent.size > 0 || room.deferred <= 0 ? this.#urgent : this.#deferred
    const key = this.#late(now, room.late) ?? this.#owed(room.overdue) ?? lane.first()
    if (key === undefined) return undefined
    this.#urgentInARow = this.#promoted.size === 0 || this.#promoted.has(key) ? 0 : this.#urgentInARow + 1
    const since = this.#urgent.get(key) ?? this.#deferred.get(key) ?? now
    const postponedSince = this.#postponedSince.get(key)
    const isDeferred = this.#deferred.delete(key) || this.#isOverdue(postponedSince, now)
    this.#urgent.delete(key)
    this.#promoted.delete(key)
    this.#postponedSince.delete(key)
    return {
      key,
      lane: isDeferred ? 'deferred' : 'urgent',
      waitedMs: now - since,
      deferredSince: isDeferred ? undefined : postponedSince,
    }
  }

  /** The first deferred key, if it was long overdue before the first urgent one came. */
  #late(now: number, room: number): string | undefined {
    const first = room > 0 ? this.#deferred.first() : undefined
    const since = first === undefined ? undefined : this.#postponedSince.get(first)
    const urgentSince = this.#urgent.get(this.#urgent.first() ?? '') ?? now
    return since !== undefined && since + this.#lateMs < urgentSince ? first : undefined
  }

  /** The promoted key that may not wait for further urgent ones. */
  #owed(room: number): string | undefined {
    return room > 0 && this.#urgentInARow >= URGENT_PER_OVERDUE ? [...this.#promoted][0] : undefined
  }

  #promote(now: number, room: number): void {
    while (this.#promoted.size < room) {
      const key = this.#deferred.first()
      if (key === undefined || !this.#isOverdue(this.#postponedSince.get(key), now)) return
      this.#urgent.set(key, this.#deferred.get(key) ?? now)
      this.#deferred.delete(key)
      this.#promoted.add(key)
    }
  }

  #isOverdue(postponedSince: number | undefined, now: number): boolean {
    return postponedSince !== undefined && now - postponedSince >= this.#overdueMs
  }
}
