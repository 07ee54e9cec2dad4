/** Repeatable random numbers: the same seed draws the same ones on every machine (mulberry32). */
export class Draw {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** A number from 0 up to, and without, 1. */
  share(): number {
    this.#state = (this.#state + 0x6d_2b_79_f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number within these bounds, both included. */
  within(least: number, most: number): number {
    return least + Math.floor(this.share() * (most - least + 1))
  }

  /** One of these values. */
  oneOf<T>(values: readonly [T, ...T[]]): T {
    return values[this.within(0, values.length - 1)] ?? values[0]
  }
}
