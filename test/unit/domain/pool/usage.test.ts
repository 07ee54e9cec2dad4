import { expect } from 'chai'
import { statusWith } from '../../../../src/domain/pool/usage.ts'
import { aPool, at, judged } from '../../../objects/builders.ts'

const unused = { running: 0, starting: 0, queued: 0, oldestMs: undefined, isRepositoryFull: false }

describe('the status of a used pool', () => {
  it('has the numbers, and keeps what it says of the template', () => {
    const pool = judged(aPool({ spec: { maxRunners: 9 } }), 'True')
    const status = statusWith(pool, { ...unused, running: 2, starting: 1, queued: 4, oldestMs: at(3).getTime() })
    expect(status).to.deep.equal({
      ...pool.status,
      running: 2,
      starting: 1,
      queued: 4,
      oldestQueuedAt: at(3).toISOString(),
      limitsReached: [],
    })
  })

  it('loses the oldest job when none waits', () => {
    const pool = aPool()
    const before = statusWith(pool, { ...unused, queued: 1, oldestMs: 0 })
    expect(statusWith({ ...pool, status: before }, unused)).to.not.have.property('oldestQueuedAt')
  })

  for (const [limit, spec, usage] of [
    ['maxRunners', { maxRunners: 3 }, { running: 2, starting: 1 }],
    ['maxRunners', { maxRunners: 0 }, {}],
    ['paused', { paused: true }, {}],
    ['perRepository.maxRunning', {}, { isRepositoryFull: true }],
  ] as const) {
    it(`names ${limit} where that is reached: ${JSON.stringify({ ...spec, ...usage })}`, () => {
      expect(statusWith(aPool({ spec }), { ...unused, ...usage }).limitsReached).to.deep.equal([limit])
    })
  }
})
