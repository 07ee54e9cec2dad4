import { expect } from 'chai'
import { Kept } from '../../../../src/http/openapi/kept.ts'

describe('a cached promise', () => {
  it('is created once for all callers, and again only after a failure', async () => {
    const kept = new Kept<string>()
    let made = 0
    const fail = async (): Promise<string> => {
      made += 1
      throw new Error('too many open files')
    }
    const make = async (): Promise<string> => `number ${++made}`
    const failed = await Promise.allSettled([kept.get('a', fail), kept.get('a', fail)])
    expect(failed.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected'])
    expect(made).to.equal(1)
    expect(await kept.get('a', make)).to.equal('number 2')
    expect(await kept.get('a', make)).to.equal('number 2')
    expect(await kept.get('b', make)).to.equal('number 3')
  })
})
