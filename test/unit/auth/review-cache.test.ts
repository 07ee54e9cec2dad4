import { expect } from 'chai'
import { ReviewCache } from '../../../src/auth/review-cache.ts'
import { apiErrorFrom, Unreachable } from '../../../src/kube/client/errors.ts'
import { HandClock } from '../../observe/clock.ts'

const KEEP = 10_000
const GRACE = 300_000

describe('the results of reviews', () => {
  let clock: HandClock
  let cache: ReviewCache<string>
  let asked: number

  beforeEach(() => {
    clock = new HandClock()
    cache = new ReviewCache({ clock, keepMs: KEEP, graceMs: GRACE })
    asked = 0
  })

  const yes = async () => ({ value: `yes ${++asked}` })
  const no = async () => void ++asked
  const outage = async () => {
    asked += 1
    throw new Unreachable('refused')
  }

  it('are cached for the TTL, denials for a fifth of it', async () => {
    await cache.get('a', yes)
    await cache.get('b', no)
    clock.jump(KEEP / 5 - 1)
    expect(await cache.get('b', yes)).to.include({ value: undefined, isStale: false })
    clock.jump(1)
    expect(await cache.get('b', yes)).to.include({ value: 'yes 3' })
    clock.jump(KEEP - KEEP / 5 - 1)
    expect(await cache.get('a', yes)).to.include({ value: 'yes 1', isStale: false })
    clock.jump(1)
    expect(await cache.get('a', yes)).to.include({ value: 'yes 4' })
  })

  it('are fetched once for concurrent calls, separately for each question', async () => {
    const results = await Promise.all([cache.get('a', yes), cache.get('a', yes), cache.get('b', yes)])
    expect(results.map(({ value }) => value)).to.deep.equal(['yes 1', 'yes 1', 'yes 2'])
  })

  it('of known callers do not wait behind unknown ones, which are queued', async () => {
    cache = new ReviewCache({ clock, keepMs: KEEP, graceMs: GRACE, mostNew: 2 })
    await cache.get('known', yes)
    clock.jump(KEEP)
    const begun: string[] = []
    const answers: (() => void)[] = []
    const ask = (hash: string) =>
      cache.get(hash, async () => {
        begun.push(hash)
        await new Promise<void>((resolve) => answers.push(resolve))
        return undefined
      })
    const strangers = ['a', 'b', 'c', 'd'].map(ask)
    await Promise.resolve()
    expect(begun).to.deep.equal(['a', 'b'])
    expect(await cache.get('known', yes)).to.include({ value: 'yes 2' })
    answers[0]?.()
    await strangers[0]
    await Promise.resolve()
    expect(begun).to.deep.equal(['a', 'b', 'c'])
    for (let index = 1; index < 4; index += 1) {
      answers[index]?.()
      await strangers[index]
    }
  })

  it('expire with their token', async () => {
    const expiresAtMs = clock.now().getTime() + 1000
    await cache.get('a', async () => ({ value: 'short', expiresAtMs }))
    clock.jump(999)
    expect(await cache.get('a', no)).to.include({ value: 'short' })
    clock.jump(1)
    const error = await cache.get('a', outage).catch((reason: unknown) => reason)
    expect(error, 'in an outage too').to.be.instanceOf(Unreachable)
    expect(await cache.get('a', no)).to.include({ value: undefined })
  })

  it('from before an outage count for five minutes, marked as stale, and are retried in between', async () => {
    await cache.get('a', yes)
    clock.jump(KEEP)
    expect(await cache.get('a', outage)).to.include({ value: 'yes 1', isStale: true })
    expect(await cache.get('a', outage)).to.include({ value: 'yes 1', isStale: true })
    expect(asked, 'one try for both').to.equal(2)
    clock.jump(GRACE - KEEP - 1)
    expect(await cache.get('a', outage)).to.include({ value: 'yes 1', isStale: true })
    clock.jump(1)
    const error = await cache.get('a', outage).catch((reason: unknown) => reason)
    expect(error).to.be.instanceOf(Unreachable)
    expect(await cache.get('a', yes)).to.include({ isStale: false })
  })

  it('from before an outage do not count for callers that were denied since, or never granted', async () => {
    await cache.get('a', yes)
    clock.jump(KEEP)
    await cache.get('a', no)
    clock.jump(KEEP)
    for (const key of ['a', 'never asked']) {
      const error = await cache.get(key, outage).catch((reason: unknown) => reason)
      expect(error, key).to.be.instanceOf(Unreachable)
    }
  })

  it('from before do not count when the API server rejects the review', async () => {
    await cache.get('a', yes)
    clock.jump(KEEP)
    const forbidden = async () => {
      throw apiErrorFrom(403, {})
    }
    expect(await cache.get('a', forbidden).catch((reason: unknown) => reason)).to.include({ code: 403 })
  })

  it('that are denials cannot evict grants, and both are bounded', async () => {
    await cache.get('a', yes)
    for (let index = 0; index < 12_000; index++) await cache.get(`no ${index}`, no)
    expect(await cache.get('a', no)).to.include({ value: 'yes 1' })
    for (let index = 0; index < 12_000; index++) await cache.get(`yes ${index}`, yes)
    expect(await cache.get('a', no), 'the one used longest ago has gone').to.include({ value: undefined })
  })
})
