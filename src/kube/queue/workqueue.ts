import { DelayHeap } from '../../collections/delay-heap.ts'
import { type Clock, systemClock } from '../runtime/clock.ts'
import { type Lane, Lanes } from './lanes.ts'

export type { Lane } from './lanes.ts'

/** A key handed to one worker, which must say `done` for it. */
export interface Work {
  key: string
  /** In an urgent pass the work that can wait may be put off; a deferred pass must do all of it. */
  lane: Lane
  waitedMs: number
}

export interface WorkqueueOptions {
  clock?: Clock
  random?: () => number
  /** The first back-off of a key; it doubles with each failure. */
  baseMs?: number
  maxMs?: number
  /** A key whose deferred work has been put off this long is served in turn with the urgent ones: nothing starves. */
  promoteAfterMs?: number
  /** How many keys at a time may be out for deferred work, so that urgent ones never find all workers at it. */
  maxDeferred?: number
  /** The same while urgent keys wait or are out: what goes on beside them makes them slower. */
  maxDeferredWhileUrgent?: number
}

/** Longer than any back-off, and short enough for the timers of Node, which end at 2^31 ms. */
const longestTimerMs = 1_000_000_000

/**
 * Keys waiting for work. A key waits at most once, and is handed to one worker at a time; adding it meanwhile runs it
 * once more. No operation costs more than O(log n), and no timer runs unless a worker is waiting.
 */
export class Workqueue {
  readonly #lanes: Lanes
  readonly #running = new Map<string, number | undefined>() // key -> since when its deferred work is put off
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
      maxDeferred: Number.POSITIVE_INFINITY,
      maxDeferredWhileUrgent: options.maxDeferred ?? Number.POSITIVE_INFINITY,
      ...options,
    }
    this.#lanes = new Lanes(this.#options.promoteAfterMs)
  }

  /** Keys that could be served now; those being worked on and those still delayed do not count. */
  get depth(): number {
    return this.depthOf('urgent') + this.depthOf('deferred')
  }

  depthOf(lane: Lane): number {
    this.#addDue()
    return this.#lanes.sizeOf(lane)
  }

  /** Has the key served soon. A key waiting as deferred becomes urgent; never the other way round. */
  add(key: string, lane: Lane = 'urgent'): void {
    this.#addDue()
    this.#enqueue(key, lane)
    this.#serve()
  }

  /** Adds the key after a delay. Of several delays the earliest wins, and it is urgent if any of them is. */
  addAfter(key: string, delayMs: number, lane: Lane = 'urgent'): void {
    if (!Number.isFinite(delayMs)) throw new RangeError(`a delay of ${delayMs} ms`)
    if (delayMs <= 0) {
      this.add(key, lane)
      return
    }
    const at = this.#options.clock.monotonicMs() + delayMs
    const planned = this.#delayed.get(key)
    if (planned === undefined) this.#delayed.set(key, at, lane)
    else this.#delayed.set(key, Math.min(at, planned.at), urgentOf(lane, planned.value))
    this.#serve()
  }

  /** Adds the key after its own back-off, which doubles with each failure; 50 to 100 % of it, by chance. */
  retry(key: string, lane: Lane = 'urgent'): void {
    const { baseMs, maxMs, random } = this.#options
    const failures = this.failures(key)
    this.#failures.set(key, failures + 1)
    this.addAfter(key, Math.min(maxMs, baseMs * 2 ** failures) * (0.5 + random() / 2), lane)
  }

  /** Ends the back-off of a key; where it waits, it still waits. */
  forget(key: string): void {
    this.#failures.delete(key)
  }

  failures(key: string): number {
    return this.#failures.get(key) ?? 0
  }

  /** The next key, as soon as there is one; undefined once the signal is aborted. */
  take(signal: AbortSignal): Promise<Work | undefined> {
    if (signal.aborted) return Promise.resolve(undefined)
    const ready = this.#takers.size === 0 ? this.#next() : undefined
    if (ready !== undefined) return Promise.resolve(ready)
    return new Promise((resolve) => {
      const leave = (): void => {
        this.#takers.delete(give)
        this.#setAlarm()
        resolve(undefined)
      }
      const give = (work: Work): void => {
        signal.removeEventListener('abort', leave)
        resolve(work)
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#takers.add(give)
      this.#serve()
    })
  }

  /** Gives the key back; if it was added meanwhile, it waits again. */
  done(key: string): void {
    if (!this.#running.delete(key)) return
    const lane = this.#dirty.get(key)
    this.#dirty.delete(key)
    this.#runningDeferred.delete(key)
    if (lane !== undefined) this.add(key, lane)
    else if (this.#lanes.sizeOf('deferred') > 0) this.#serve() // there may be room for one now
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
    const served = this.#lanes.take(this.#options.clock.monotonicMs(), this.#roomForDeferred())
    if (served === undefined) return undefined
    const { key, lane, waitedMs, deferredSince: owedSince } = served
    this.#running.set(key, owedSince)
    if (lane === 'deferred') this.#runningDeferred.add(key)
    return { key, lane, waitedMs }
  }

  #roomForDeferred(): number {
    const { maxDeferred, maxDeferredWhileUrgent: maxDeferredBeside } = this.#options
    const out = this.#runningDeferred.size
    const isBeside = this.#running.size > out || this.#lanes.sizeOf('urgent') > 0
    return (isBeside ? Math.min(maxDeferred, maxDeferredBeside) : maxDeferred) - out
  }

  #addDue(): void {
    if (this.#delayed.size === 0) return
    const now = this.#options.clock.monotonicMs()
    for (let due = this.#delayed.popDue(now); due !== undefined; due = this.#delayed.popDue(now)) {
      this.#enqueue(due.key, due.value)
    }
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
