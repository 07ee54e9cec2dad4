import { setTimeout as sleep } from 'node:timers/promises'

/** How many jobs arrive, and for how long. */
export interface Load {
  perSecond: number
  seconds: number
}

/**
 * Random (Poisson) arrivals, the same in every run, independent of the progress of earlier ones. A late consumer gets
 * missed arrivals at once.
 */
export async function* arrivals(load: Load): AsyncGenerator<number> {
  const random = generator(load.perSecond)
  const begun = performance.now()
  let at = 0
  for (let index = 0; ; index += 1) {
    at += (-Math.log(1 - random()) / load.perSecond) * 1000
    if (at > load.seconds * 1000) return
    const leftMs = begun + at - performance.now()
    if (leftMs > 0) await sleep(leftMs)
    yield index
  }
}

/** Pseudo-random numbers from 0 to 1 (mulberry32). */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
