import { DelayHeap } from '../../collections/delay-heap.ts'
import { type Clock, systemClock } from '../runtime/clock.ts'
import { type Lane, Lanes, type Room } from './lanes.ts'

export type { Lane } from './lanes.ts'

/** A key taken by one worker, which must call `done` for it. */
export interface Work {
  key: string
  /** An urgent reconcile may postpone work that can wait; a deferred one must do all of it. */
  lane: Lane
  waitedMs: number
}

export interface WorkqueueOptions {
  clock?: Clock
  random?: () => number
  /** The initial back-off of a key; it doubles with each failure. */
  baseMs?: number
  maxMs?: number
  /** A key whose deferred work was postponed this long takes its turn among the urgent keys, so that none starves. */
  promoteAfterMs?: number
  /** The maximum number of deferred keys in progress, so that they never occupy all workers. */
  maxDeferred?: number
  /** The same while urgent keys are queued or in progress, for work that is not overdue: it slows them down. */
  maxDeferredWhileUrgent?: number
  /**
   * The same for work that was postponed for `lateAfterMs`. Under a steady load some urgent key is always in progress: what
   * is put off for it has to be done as fast as it comes in the end, or it would grow for ever.
   */
  maxLate?: number
  /** A key whose deferred work was postponed this long goes before urgent keys that came since. */
  lateAfterMs?: number
}

/** When a delayed key is due, and in which lane. */
interface Delay {
  at: number
  lane: Lane
}

/** Longer than any back-off, and below the limit of Node.js timers, 2^31 ms. */
const longestTimerMs = 1_000_000_000

/**
 * A work queue of keys. A key is queued at most once, and only one worker at a time has it; a key added meanwhile is
 * served once more. No operation costs more than O(log n), and no timer runs unless a worker is waiting.
 */
export class Workqueue {
  readonly #lanes: Lanes
  readonly #running = new Map<string, number | undefined>() // key -> when its deferred work was first postponed
  readonly #runningDeferred = new Set<string>()
  readonly #dirty = new Map<string, Lane>()
  readonly #delayed = new DelayHeap<Lane>()
  readonly #failures = new Map<string, number>()
  readonly #takers = new Set<(work: Work) => void>()
  readonly #options: Required<WorkqueueOptions>
  #alarm: { at: number; cancel: () => void } | undefined

  constructor(options: WorkqueueOptions = {}) {
    this.#options = {
      clock: systemClock,
      random: Math.random,
      baseMs: 5,
      maxMs: 1_000_000,
      promoteAfterMs: 10_000,
      lateAfterMs: 60_000,
      maxDeferred: Number.POSITIVE_INFINITY,
      maxDeferredWhileUrgent: options.maxDeferred ?? Number.POSITIVE_INFINITY,
      maxLate: options.maxDeferred ?? Number.POSITIVE_INFINITY,
      ...options,
    }
    this.#lanes = new Lanes({ overdueMs: this.#options.promoteAfterMs, lateMs: this.#options.lateAfterMs })
  }

  /** The number of keys ready to be served; keys in progress and delayed keys do not count. */
  get depth(): number {
    return this.depthOf('urgent') + this.depthOf('deferred')
  }

  depthOf(lane: Lane): number {
    this.#addDue()
    return this.#lanes.sizeOf(lane)
  }

  /** Whether the key is ready to be served and waits for its turn; a key in progress or a delayed one does not count. */
  isReady(key: string): boolean {
    this.#addDue()
    return this.#lanes.has(key)
  }

  /** Queues the key. A deferred key can become urgent; never the other way round. */
  add(key: string, lane: Lane = 'urgent'): void {
    this.#addDue()
    this.#enqueue(key, lane)
    this.#serve()
  }

  /**
   * Adds the key after a delay. The earliest of several delays wins, and the key is urgent if any of them is, unless the
   * urgent one is so much later that a deferred key has had its turn by then.
   */
  addAfter(key: string, delayMs: number, lane: Lane = 'urgent'): void {
    if (!Number.isFinite(delayMs)) throw new RangeError(`delayMs must be finite: ${delayMs}`)
    if (delayMs <= 0) {
      this.add(key, lane)
      return
    }
    const at = this.#options.clock.monotonicMs() + delayMs
    const planned = this.#delayed.get(key)
    if (planned === undefined) this.#delayed.set(key, at, lane)
    else
      this.#delayed.set(
        key,
        Math.min(at, planned.at),
        this.#laneOf({ at, lane }, { at: planned.at, lane: planned.value }),
      )
    this.#serve()
  }

  /** Adds the key after its back-off, which doubles with each failure; 50 to 100 % of it, at random. */
  retry(key: string, lane: Lane = 'urgent'): void {
    const { baseMs, maxMs, random } = this.#options
    const failures = this.failures(key)
    this.#failures.set(key, failures + 1)
    this.addAfter(key, Math.min(maxMs, baseMs * 2 ** failures) * (0.5 + random() / 2), lane)
  }

  /** Resets the back-off of a key; a queued or delayed key stays so. */
  forget(key: string): void {
    this.#failures.delete(key)
  }

  failures(key: string): number {
    return this.#failures.get(key) ?? 0
  }

  /** Resolves with the next key as soon as one is ready; undefined once the signal is aborted. */
  take(signal: AbortSignal): Promise<Work | undefined> {
    if (signal.aborted) return Promise.resolve(undefined)
    const ready = this.#takers.size === 0 ? this.#next() : undefined
    if (ready !== undefined) return Promise.resolve(ready)
    return new Promise((resolve) => {
      const cancel = (): void => {
        this.#takers.delete(give)
        this.#setAlarm()
        resolve(undefined)
      }
      const give = (work: Work): void => {
        signal.removeEventListener('abort', cancel)
        resolve(work)
      }
      signal.addEventListener('abort', cancel, { once: true })
      this.#takers.add(give)
      this.#serve()
    })
  }

  /** Releases the key; if it was added meanwhile, it is queued again. */
  done(key: string): void {
    if (!this.#running.delete(key)) return
    const lane = this.#dirty.get(key)
    this.#dirty.delete(key)
    this.#runningDeferred.delete(key)
    if (lane !== undefined) this.add(key, lane)
    else if (this.#lanes.sizeOf('deferred') > 0) this.#serve() // there may be room for a deferred key now
  }

  #enqueue(key: string, lane: Lane): void {
    const now = this.#options.clock.monotonicMs()
    if (lane === 'deferred') this.#lanes.markDeferred(key, this.#running.get(key) ?? now)
    if (this.#running.has(key)) this.#dirty.set(key, urgentOf(lane, this.#dirty.get(key) ?? lane))
    else this.#lanes.add(key, lane, now)
  }

  #serve(): void {
    for (const give of this.#takers) {
      const work = this.#next()
      if (work === undefined) break
      this.#takers.delete(give)
      give(work)
    }
    this.#setAlarm()
  }

  #next(): Work | undefined {
    this.#addDue()
    if (this.#lanes.sizeOf('urgent') === 0 && this.#lanes.sizeOf('deferred') === 0) return undefined
    const served = this.#lanes.take(this.#options.clock.monotonicMs(), this.#room())
    if (served === undefined) return undefined
    const { key, lane, waitedMs, deferredSince: postponedSince } = served
    this.#running.set(key, postponedSince)
    if (lane === 'deferred') this.#runningDeferred.add(key)
    return { key, lane, waitedMs }
  }

  #room(): Room {
    const { maxDeferred, maxDeferredWhileUrgent, maxLate } = this.#options
    const inProgress = this.#runningDeferred.size
    const hasUrgent = this.#running.size > inProgress || this.#lanes.sizeOf('urgent') > 0
    const overdue = maxDeferred - inProgress
    const deferred = hasUrgent ? Math.min(overdue, maxDeferredWhileUrgent - inProgress) : overdue
    return { deferred, overdue, late: maxLate - inProgress }
  }

  #addDue(): void {
    if (this.#delayed.size === 0) return
    const now = this.#options.clock.monotonicMs()
    for (let due = this.#delayed.popDue(now); due !== undefined; due = this.#delayed.popDue(now)) {
      this.#enqueue(due.key, due.value)
    }
  }

  #laneOf(one: Delay, other: Delay): Lane {
    const [first, second] = one.at <= other.at ? [one, other] : [other, one]
    return second.at - first.at >= this.#options.promoteAfterMs ? first.lane : urgentOf(first.lane, second.lane)
  }

  #setAlarm(): void {
    const at = this.#takers.size > 0 ? this.#delayed.nextAt : undefined
    if (at === this.#alarm?.at) return
    this.#alarm?.cancel()
    this.#alarm = undefined
    if (at === undefined) return
    const { clock } = this.#options
    const ring = (): void => {
      this.#alarm = undefined
      this.#serve()
    }
    const delayMs = Math.min(longestTimerMs, Math.max(0, Math.ceil(at - clock.monotonicMs())))
    this.#alarm = { at, cancel: clock.setTimer(ring, delayMs) }
  }
}

function urgentOf(lane: Lane, other: Lane): Lane {
  return lane === 'urgent' || other === 'urgent' ? 'urgent' : 'deferred'
}
