import { expect } from 'chai'
import { Throughput } from '../../../../src/domain/pool/throughput.ts'
import { at } from '../../../objects/builders.ts'

function started(...seconds: number[]): Throughput {
  const throughput = new Throughput()
  for (const second of seconds) throughput.note(`job-${second}`, at(second).getTime())
  return throughput
}

describe('the throughput of a pool', () => {
  it('is the time between the starts of its latest jobs, in whatever order they become known', () => {
    expect(started(30, 10, 20, 0).msPerJob(at(40))).to.equal(10_000)
  })

  it('counts a job once', () => {
    const throughput = started(0, 10, 20, 30)
    for (const second of [0, 10, 20, 30]) throughput.note(`job-${second}`, at(second).getTime())
    expect(throughput.msPerJob(at(40))).to.equal(10_000)
  })

  it('is unknown after fewer than four jobs', () => {
    expect(started(0, 10, 20).msPerJob(at(30))).to.equal(undefined)
  })

  it('slows down while no job starts, and is unknown after an hour', () => {
    expect(started(0, 1, 2, 3).msPerJob(at(100))).to.equal(25_000)
    expect(started(0, 1, 2, 3).msPerJob(at(3602))).to.equal(undefined)
  })

  it('depends on the latest 32 jobs alone', () => {
    const long = Array.from({ length: 100 }, (_, index) => index)
    const fast = Array.from({ length: 32 }, (_, index) => 100 + index / 32)
    expect(started(...long, ...fast).msPerJob(at(132))).to.equal(1000)
  })
})
