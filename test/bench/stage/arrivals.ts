import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Arrivals at random (Poisson), the same in every run. They come at their own times, whatever has become of the earlier
 * ones; a consumer that is late gets those it has missed at once.
 */
export async function* arrivals(load: { perSecond: number; seconds: number }): AsyncGenerator<number> {
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

/** Numbers from 0 to 1 that look random (mulberry32). */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
