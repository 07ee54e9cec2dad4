import { atLeastOne } from '../collections/bounds.ts'
import type { Clock } from '../kube/runtime/clock.ts'

/** How many requests a client has made in its window, and how long that still lasts. */
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
  /** Most clients that are counted at a time: some 20 MB. */
  most?: number
}

/**
 * Requests per client in windows that begin with its first one. They are kept in two generations: after the length of
 * a window, or when it is full, the younger one becomes the older, which is forgotten as a whole. (Of one map, the
 * oldest could not be taken cheaply: what was deleted at its front is walked over again each time.)
 */
export class FixedWindowCounter {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #windowMs: number
  readonly #most: number
  #young = new Map<string, Window>()
  #old = new Map<string, Window>()
  #turnedAtMs: number

  constructor({ clock, windowMs, most = 100_000 }: FixedWindowCounterOptions) {
    this.#clock = clock
    this.#windowMs = atLeastOne('windowMs', windowMs)
    this.#most = atLeastOne('the most clients', most)
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

  /** Counts one more. */
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
    if (this.#young.size >= this.#most / 2 || now - this.#turnedAtMs >= this.#windowMs) {
      this.#old = this.#young
      this.#young = new Map()
      this.#turnedAtMs = now
    }
    const window = { count: 0, endMs: now + this.#windowMs }
    this.#young.set(client, window)
    return window
  }
}
