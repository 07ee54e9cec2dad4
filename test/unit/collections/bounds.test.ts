import { expect } from 'chai'
import { ConcurrencyLimit } from '../../../src/auth/concurrency-limit.ts'
import { FixedWindowCounter } from '../../../src/auth/window-counter.ts'
import { Lru } from '../../../src/collections/lru.ts'
import { InFlight } from '../../../src/kube/client/in-flight.ts'
import { HandClock } from '../../observe/clock.ts'

const clock = new HandClock()
const makers: Record<string, (number: number) => unknown> = {
  'of what is remembered': (number) => new Lru(number),
  'of what is inside at once': (number) => new InFlight(number),
  'of what each caller has open': (number) => new ConcurrencyLimit(number),
  'of counted clients': (most) => new FixedWindowCounter({ clock, windowMs: 1000, most }),
  'of a window': (windowMs) => new FixedWindowCounter({ clock, windowMs }),
}

describe('a bound', () => {
  for (const [what, make] of Object.entries(makers)) {
    it(`${what} is a whole number of at least 1, or refused with its value`, () => {
      for (const bad of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        expect(() => make(bad)).to.throw(RangeError, `must be a whole number of at least 1, not ${bad}`)
      }
      expect(() => make(1)).to.not.throw()
    })
  }
})
