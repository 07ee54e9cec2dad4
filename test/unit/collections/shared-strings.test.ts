import { execFileSync } from 'node:child_process'
import { expect } from 'chai'
import { SharedStrings } from '../../../src/collections/shared-strings.ts'
import { asObject } from '../../../src/kube/client/parse.ts'

const parsed = (index: number): object =>
  asObject(JSON.parse(`{"name":"a long name ${index}","in":[{"of":"a"},1,null]}`))

/** What an expression takes of the heap of a process of its own, in bytes. */
function heapBytesOf(expression: string): number {
  const program = `
    import { SharedStrings } from '${new URL('../../../src/collections/shared-strings.ts', import.meta.url).href}'
    const used = () => (gc(), process.memoryUsage().heapUsed)
    const parsed = (index) => JSON.parse(JSON.stringify({ name: index + 'x'.repeat(1000), in: [{ of: 'a' }] }))
    const strings = new SharedStrings(10)
    const before = used()
    const made = ${expression}
    console.log(used() - before, made.length > 0)`
  const flags = ['--expose-gc', '--input-type=module', '--eval', program]
  return Number.parseInt(execFileSync(process.execPath, flags, { encoding: 'utf8' }), 10)
}

describe('shared strings', () => {
  it('leave an object as it was', () => {
    const strings = new SharedStrings(2)
    for (const index of [1, 2, 3, 1, 2, 3]) expect(strings.within(parsed(index))).to.deep.equal(parsed(index))
  })

  it('take the memory of one of many equal ones', () => {
    expect(heapBytesOf('Array.from({ length: 5000 }, (_, index) => parsed(index % 5))')).to.be.above(5_000_000)
    const shared = heapBytesOf('Array.from({ length: 5000 }, (_, index) => strings.within(parsed(index % 5)))')
    expect(shared).to.be.below(2_000_000)
  })

  it('keep no more than twice the limit', () => {
    const kept = heapBytesOf('Array.from({ length: 5000 }, (_, index) => void strings.within(parsed(index)))')
    expect(kept).to.be.below(1_000_000)
  })
})
