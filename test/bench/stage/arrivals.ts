import { setTimeout as sleep } from 'node:timers/promises'
import { Draw } from '../../random/draw.ts'

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
  const draw = new Draw(load.perSecond)
  const begun = performance.now()
  let at = 0
  for (let index = 0; ; index += 1) {
    at += (-Math.log(1 - draw.share()) / load.perSecond) * 1000
    if (at > load.seconds * 1000) return
    const leftMs = begun + at - performance.now()
    if (leftMs > 0) await sleep(leftMs)
    yield index
  }
}
