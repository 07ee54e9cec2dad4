import { expect } from 'chai'
import * as fc from 'fast-check'
import { asLines, LINE_PREFIX, LogLines } from '../../../src/proxy/hub/log-lines.ts'

const time = (at: number): string => `2026-01-01T00:00:${String(at).padStart(2, '0')}.5Z`

/** The texts of lines for stdout. */
const shown = (text: string): string[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      expect(line.startsWith(LINE_PREFIX), line).to.equal(true)
      return line.slice(LINE_PREFIX.length)
    })

const text = fc.string({ unit: 'grapheme', maxLength: 30 }).map((each) => each.replaceAll(/[\r\n]/g, ''))

describe('lines for stdout', () => {
  it('all begin with what keeps them out of annotations, wherever .NET ends a line', () => {
    const pieces = fc.array(fc.oneof(text, fc.constantFrom('\r', '\n', '\r\n')))
    fc.assert(
      fc.property(pieces, (all) => {
        for (const line of asLines(all.join(''))
          .split(/\r\n|\r|\n/)
          .slice(0, -1)) {
          expect(line.startsWith('[WORKER')).to.equal(true)
        }
      }),
    )
  })

  it('have each line of a log once, in order, however it is cut and however often it is begun again', () => {
    const times = fc.array(fc.tuple(fc.nat({ max: 3 }), text), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(times, fc.array(fc.nat(), { maxLength: 5 }), fc.nat({ max: 40 }), (steps, breaks, size) => {
        let at = 0
        const log = steps.map(([step, line]) => `${time((at += step % 2))} ${line}\n`)
        const bytes = Buffer.from(log.join(''))
        const lines = new LogLines()
        let out = ''
        for (const end of [...breaks.map((place) => place % (bytes.length + 1)), bytes.length]) {
          lines.reopened()
          for (let from = 0; from < end; from += size + 1) {
            out += lines.take(bytes.subarray(from, Math.min(end, from + size + 1)))
          }
        }
        expect(shown(out + lines.end())).to.deep.equal(steps.map(([, line]) => line))
      }),
    )
  })

  it('have the last line, also without its end, and lines that have no time', () => {
    const lines = new LogLines()
    const out = lines.take(Buffer.from(`${time(1)} one\r\nno time\n${time(2)} two`))
    expect(shown(out + lines.end())).to.deep.equal(['one', 'no time', 'two'])
  })

  it('hold back no more than 256 KiB of a line', () => {
    const lines = new LogLines()
    expect(lines.take(Buffer.alloc(300_000, 'x')).length).to.be.above(300_000)
    expect(lines.end()).to.equal('')
  })
})
