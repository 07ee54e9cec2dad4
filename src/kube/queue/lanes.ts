import { Fifo } from '../../collections/fifo.ts'

/** Urgent keys are served first; deferred ones hold work that can wait, such as status writes. */
export type Lane = 'urgent' | 'deferred'

/** A key as it leaves its lane. */
export interface Served {
  key: string
  lane: Lane
  waitedMs: number
  /** Since when its deferred work has been put off, if this pass may put it off once more. */
  deferredSince: number | undefined
}

/**
 * Keys waiting in two lanes. Each waits at most once, first come, first served within its lane. The deferred lane
 * yields, but a key whose deferred work is overdue is served in turn with the urgent ones, and then as deferred.
 */
export class Lanes {
  readonly #urgent = new Fifo<number>() // key -> waiting since
  readonly #deferred = new Fifo<number>()
  readonly #owedSince = new Map<string, number>() // key -> since when its deferred work is put off
  readonly #promoted = new Set<string>() // urgent only because it is overdue
  readonly #overdueMs: number

  constructor(overdueMs: number) {
    this.#overdueMs = overdueMs
  }

  sizeOf(lane: Lane): number {
    return lane === 'urgent' ? this.#urgent.size : this.#deferred.size
  }

  /** A key in the deferred lane moves to the urgent one when added there; never the other way round. */
  add(key: string, lane: Lane, now: number): void {
    if (this.#urgent.has(key)) return
    const since = this.#deferred.get(key) ?? now
    if (lane === 'deferred') this.#deferred.set(key, since)
    else {
      this.#deferred.delete(key)
      this.#urgent.set(key, since)
    }
  }

  /** Notes that deferred work of the key is put off; the earliest such time counts. */
  markDeferred(key: string, since: number): void {
    if (!this.#owedSince.has(key)) this.#owedSince.set(key, since)
  }

  /** The next key; of those that wait only for deferred work there must be room for one more. */
  take(now: number, room: number): Served | undefined {
    this.#promote(now, room)
    const lane = this.#urgent.size > 0 || room <= 0 ? this.#urgent : this.#deferred
    const key = lane.first()
    if (key === undefined) return undefined
    const since = lane.get(key) ?? now
    const owedSince = this.#owedSince.get(key)
    const isDeferred = this.#deferred.delete(key) || this.#isOverdue(owedSince, now)
    this.#urgent.delete(key)
    this.#promoted.delete(key)
    this.#owedSince.delete(key)
    return {
      key,
      lane: isDeferred ? 'deferred' : 'urgent',
      waitedMs: now - since,
      deferredSince: isDeferred ? undefined : owedSince,
    }
  }

  #promote(now: number, room: number): void {
    while (this.#promoted.size < room) {
      const key = this.#deferred.first()
      if (key === undefined || !this.#isOverdue(this.#owedSince.get(key), now)) return
      this.#urgent.set(key, this.#deferred.get(key) ?? now)
      this.#deferred.delete(key)
      this.#promoted.add(key)
    }
  }

  #isOverdue(owedSince: number | undefined, now: number): boolean {
    return owedSince !== undefined && now - owedSince >= this.#overdueMs
  }
}
