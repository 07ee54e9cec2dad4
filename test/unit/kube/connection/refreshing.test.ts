import { expect } from 'chai'
import { Refreshing } from '../../../../src/kube/connection/refreshing.ts'
import { HandClock } from '../../../observe/clock.ts'

const setUp = (): {
  clock: HandClock
  reads: () => number
  reloaded: Refreshing<{ n: number }>
  fail: (on: boolean) => void
} => {
  const clock = new HandClock()
  let n = 0
  let failing = false
  const load = async (): Promise<{ n: number }> => {
    if (failing) throw new Error('no such file')
    n += 1
    return { n }
  }
  return { clock, reads: () => n, reloaded: new Refreshing(load, 60_000, clock), fail: (on) => (failing = on) }
}

describe('refreshed credentials', () => {
  it('are kept for a minute', async () => {
    const { clock, reloaded } = setUp()
    expect(await reloaded.get()).to.deep.equal({ n: 1 })
    await clock.advance(59_999)
    expect(await reloaded.get()).to.deep.equal({ n: 1 })
    await clock.advance(1)
    expect(await reloaded.get()).to.deep.equal({ n: 2 })
  })

  it('are reloaded at once when they were rejected, once for all concurrent callers', async () => {
    const { reloaded, reads } = setUp()
    const old = await reloaded.get()
    const fresh = await Promise.all([reloaded.get(old), reloaded.get(old), reloaded.get(old)])
    expect(fresh).to.deep.equal([{ n: 2 }, { n: 2 }, { n: 2 }])
    expect(await reloaded.get(old)).to.deep.equal({ n: 2 })
    expect(reads()).to.equal(2)
  })

  it('stay the same while their file cannot be read', async () => {
    const { clock, reloaded, fail } = setUp()
    const old = await reloaded.get()
    fail(true)
    await clock.advance(60_000)
    expect(await reloaded.get()).to.equal(old)
    expect(await reloaded.get(old)).to.equal(old)
    fail(false)
    expect(await reloaded.get()).to.deep.equal({ n: 2 })
  })

  it('throw when they were never read', async () => {
    const { reloaded, fail } = setUp()
    fail(true)
    expect(await reloaded.get().catch((error: unknown) => error)).to.be.instanceOf(Error)
    fail(false)
    expect(await reloaded.get()).to.deep.equal({ n: 1 })
  })
})
