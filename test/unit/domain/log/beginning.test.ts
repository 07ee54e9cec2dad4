import { expect } from 'chai'
import { BEGINNING_BYTES, mayLackBeginning } from '../../../../src/domain/log/beginning.ts'
import { at, stamp } from '../../../objects/builders.ts'

/** A log whose first line comes at one second and whose lines of so many bytes come at a pace. */
function log({ from, perSecond, bytes = 50, total = 500_000 }: Pace): Buffer {
  const lines = Array.from({ length: Math.ceil(total / bytes) }, (_, index) => {
    const time = at(from + index / perSecond)
      .toISOString()
      .replace('Z', '000000Z')
    return `${time} `.padEnd(bytes - 1, 'x')
  })
  return Buffer.from(`${lines.join('\n')}\n`).subarray(0, BEGINNING_BYTES)
}

interface Pace {
  from: number
  perSecond: number
  bytes?: number
  total?: number
}

const started = stamp(0)

const cases: [what: string, pace: Pace, mayLack: boolean][] = [
  ['of 360,001 lines the last 12,001, ten thousand a second', { from: 34.8, perSecond: 10_000 }, true],
  ['hours of a steady log', { from: 7200, perSecond: 60 }, true],
  ['a log that is written at once', { from: 0.4, perSecond: 100_000 }, false],
  ['a log that begins within the second that kubelets cut off', { from: 0.9, perSecond: 100_000 }, false],
  ['a job that is silent for minutes and then says little', { from: 300, perSecond: 1000, total: 100_000 }, false],
  ['a job that is silent for minutes and then writes slowly', { from: 300, perSecond: 100 }, false],
  ['a slow start and then much at once', { from: 5, perSecond: 100_000 }, false],
  ['a slow start and a busy log', { from: 5, perSecond: 2000 }, false],
]

describe('the beginning of a log', () => {
  for (const [what, pace, mayLack] of cases) {
    it(`${mayLack ? 'may be' : 'is not'} missed: ${what}`, () => {
      expect(mayLackBeginning(log(pace), started)).to.equal(mayLack)
    })
  }

  it('may be missed wherever what is looked at is cut', () => {
    const whole = log({ from: 7200, perSecond: 60, total: 600_000 })
    const more = Buffer.concat([whole, whole.subarray(0, 1000)])
    for (let bytes = BEGINNING_BYTES; bytes < BEGINNING_BYTES + 60; bytes += 1) {
      expect(mayLackBeginning(more.subarray(0, bytes), started), String(bytes)).to.equal(true)
    }
  })

  it('is not missed where nothing is known of the container’s start, or the lines have no time', () => {
    expect(mayLackBeginning(log({ from: 7200, perSecond: 60 }), undefined)).to.equal(false)
    expect(mayLackBeginning(Buffer.alloc(BEGINNING_BYTES, 'x'), started)).to.equal(false)
    expect(mayLackBeginning(Buffer.alloc(0), started)).to.equal(false)
  })

  it('is not missed in one line that is longer than what is looked at', () => {
    const line = Buffer.from(`${at(60).toISOString()} ${'x'.repeat(BEGINNING_BYTES)}`).subarray(0, BEGINNING_BYTES)
    expect(mayLackBeginning(line, started)).to.equal(false)
  })
})
