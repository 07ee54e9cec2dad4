import { expect } from 'chai'
import { NextRead } from '../../../../src/http/jobs/next-read.ts'

describe('shared reads', () => {
  /** Reads that end when the test says so, with their number. */
  function scene() {
    const reads = new NextRead<number>()
    const begun: { end: () => void; fail: () => void }[] = []
    const read = (): Promise<number> => {
      const { promise, resolve, reject } = Promise.withResolvers<number>()
      const number = begun.length + 1
      begun.push({ end: () => resolve(number), fail: () => reject(new Error(`read ${number}`)) })
      return promise
    }
    return { begun, get: (key = 'key') => reads.get(key, read) }
  }

  it('are shared by all callers during a running read, and begin after their calls', async () => {
    const { begun, get } = scene()
    const first = get()
    const others = Array.from({ length: 100 }, () => get())
    expect(begun).to.have.length(1)
    begun[0]?.end()
    expect(await first).to.equal(1)
    await Promise.resolve()
    expect(begun).to.have.length(2)
    begun[1]?.end()
    expect(new Set(await Promise.all(others))).to.deep.equal(new Set([2]))
    const later = get()
    begun[2]?.end()
    expect(await later).to.equal(3)
  })

  it('go on after a failed one, which rejects only for its own caller', async () => {
    const { begun, get } = scene()
    const first = get().catch(String)
    const second = get()
    begun[0]?.fail()
    expect(await first).to.equal('Error: read 1')
    await Promise.resolve()
    begun[1]?.end()
    expect(await second).to.equal(2)
  })

  it('of different keys do not wait for each other', async () => {
    const { begun, get } = scene()
    const [one, other] = [get('one'), get('other')]
    expect(begun).to.have.length(2)
    begun[1]?.end()
    expect(await other).to.equal(2)
    begun[0]?.end()
    expect(await one).to.equal(1)
  })
})
