import { atLeastOne } from '../collections/bounds.ts'
import type { Clock } from '../kube/runtime/clock.ts'

/** Requests of a client in its window, and the remaining time of the window. */
export interface Count {
  count: number
  leftMs: number
}

interface Window {
  count: number
  endMs: number
}

export interface FixedWindowCounterOptions {
  clock: Pick<Clock, 'monotonicMs'>
  windowMs: number
  /** Limit of clients that are counted at a time: about 20 MB by default. */
  most?: number
}

/**
 * Counts requests per client in windows that begin with its first request. The windows are kept in two generations: when
 * the younger one is full or as old as a window, it becomes the older one, which is dropped as a whole. (Evicting the
 * oldest entries of a single map would be slow: its iterator walks over deleted entries again each time.)
 */
export class FixedWindowCounter {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #windowMs: number
  readonly #maxClients: number
  #young = new Map<string, Window>()
  #old = new Map<string, Window>()
  #turnedAtMs: number

  constructor({ clock, windowMs, most = 100_000 }: FixedWindowCounterOptions) {
    this.#clock = clock
    this.#windowMs = atLeastOne('windowMs', windowMs)
    this.#maxClients = atLeastOne('the limit of clients', most)
    this.#turnedAtMs = clock.monotonicMs()
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  of(client: string): Count {
    const now = this.#clock.monotonicMs()
    const window = this.#running(client, now)
    return window === undefined
      ? { count: 0, leftMs: this.#windowMs }
      : { count: window.count, leftMs: window.endMs - now }
  }

  /** Counts one request. */
  add(client: string): Count {
    const now = this.#clock.monotonicMs()
    const window = this.#running(client, now) ?? this.#begin(client, now)
    window.count += 1
    return { count: window.count, leftMs: window.endMs - now }
  }

  #running(client: string, now: number): Window | undefined {
    const window = this.#young.get(client) ?? this.#old.get(client)
    return window !== undefined && window.endMs > now ? window : undefined
  }

  #begin(client: string, now: number): Window {
    if (this.#young.size >= this.#maxClients / 2 || now - this.#turnedAtMs >= this.#windowMs) {
      this.#old = this.#young
      this.#young = new Map()
      this.#turnedAtMs = now
    }
    const window = { count: 0, endMs: now + this.#windowMs }
    this.#young.set(client, window)
    return window
  }
}
