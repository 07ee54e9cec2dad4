import { expect } from 'chai'
import { array, assert, asyncProperty, constant, constantFrom, integer, oneof, record } from 'fast-check'
import { Workqueue } from '../../../../src/kube/queue/workqueue.ts'
import { HandClock } from '../../../observe/clock.ts'

const key = constantFrom('a', 'b', 'c')
const lane = constantFrom('urgent' as const, 'deferred' as const)
const step = oneof(
  record({ do: constant('add' as const), key, lane }),
  record({ do: constant('addAfter' as const), key, lane, delayMs: integer({ min: 1, max: 30 }) }),
  record({ do: constant('retry' as const), key, lane }),
  record({ do: constant('take' as const) }),
  record({ do: constant('done' as const), key }),
  record({ do: constant('pass' as const), ms: integer({ min: 1, max: 20 }) }),
)

describe('workqueue: any sequence of calls', () => {
  it('never serves a key in progress, and loses none', async () => {
    await assert(
      asyncProperty(array(step, { maxLength: 60 }), async (steps) => {
        const clock = new HandClock()
        const queue = new Workqueue({ clock, promoteAfterMs: 25 })
        const held = new Set<string>()
        const owed = new Set<string>()
        const stop = new AbortController()
        const takeOne = async (): Promise<void> => {
          if (queue.depth === 0) return
          const work = await queue.take(stop.signal)
          expect(held.has(work?.key ?? '')).to.equal(false)
          held.add(work?.key ?? '')
          owed.delete(work?.key ?? '')
        }
        for (const each of steps) {
          if (each.do === 'take') await takeOne()
          else if (each.do === 'pass') clock.jump(each.ms)
          else if (each.do === 'done') {
            held.delete(each.key)
            queue.done(each.key)
          } else {
            owed.add(each.key)
            if (each.do === 'addAfter') queue.addAfter(each.key, each.delayMs, each.lane)
            else queue[each.do](each.key, each.lane)
          }
        }
        for (const heldKey of held) queue.done(heldKey)
        held.clear()
        clock.jump(2_000_000)
        while (queue.depth > 0) await takeOne()
        expect([...owed]).to.deep.equal([])
      }),
      { numRuns: 300 },
    )
  })
})
