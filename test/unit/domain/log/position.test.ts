import { expect } from 'chai'
import { array, assert, constantFrom, integer, nat, property, record, tuple } from 'fast-check'
import { LogPosition } from '../../../../src/domain/log/position.ts'

const stamp = (second: number): string => `2026-01-01T00:00:${String(second).padStart(2, '0')}.000000000Z`

/** Reads a log on in pieces, as a stream would bring them: those before the break, then from the timestamp on. */
function readOn(position: LogPosition, lines: readonly string[], bytes: number, piece = 7): string {
  const since = position.since ?? ''
  const log = Buffer.from(lines.filter((line) => (line.split(' ')[0] ?? '') >= since).join(''))
  position.reopened()
  let got = ''
  for (let from = 0; from < Math.min(bytes, log.length); from += piece) {
    got += position.take(log.subarray(from, Math.min(from + piece, bytes))).toString()
  }
  return got
}

describe('the position in a forwarded log', () => {
  const lines = [0, 1, 1, 1, 2, 5, 5].map((second, index) => `${stamp(second)} line ${index}\n`)

  it('returns a log of one stream unchanged, including a last line without a newline', () => {
    const position = new LogPosition()
    const log = [...lines, `${stamp(6)} no newline`]
    expect(readOn(position, log, Infinity) + position.rest().toString()).to.equal(log.join(''))
  })

  it('loses and repeats no line, wherever and however often the stream breaks', () => {
    const cuts = array(tuple(nat(500), integer({ min: 1, max: 50 })), { maxLength: 5 })
    assert(
      property(cuts, (breaks) => {
        const position = new LogPosition()
        let got = ''
        for (const [bytes, piece] of breaks) got += readOn(position, lines, bytes, piece)
        got += readOn(position, lines, Infinity) + position.rest().toString()
        expect(got).to.equal(lines.join(''))
      }),
    )
  })

  const moment = record({ second: nat(59), nano: constantFrom('000000000', '000000001', '300000000', '500000000') })
  const steps = array(record({ bytes: nat(500), piece: integer({ min: 1, max: 50 }), away: nat(3) }), { maxLength: 6 })

  /** Lines of any moments in any order, as they are written. */
  const written = array(moment, { maxLength: 20 }).map((moments) =>
    moments.map(({ second, nano }, index) => `${stamp(second).replace('000000000', nano)} line ${index}\n`),
  )

  it('gives each line once and in order, whatever the timestamps, and wherever the stream breaks', () => {
    assert(
      property(written, steps, (log, breaks) => {
        const position = new LogPosition()
        let got = ''
        for (const { bytes, piece } of breaks) got += readOn(position, log, bytes, piece)
        got += readOn(position, log, Infinity) + position.rest().toString()
        expect(got).to.equal(log.join(''))
      }),
      { numRuns: 500 },
    )
  })

  it('does so where the kubelet has rotated away some of the lines that were handed on, or all of them', () => {
    assert(
      property(written, steps, (log, breaks) => {
        const position = new LogPosition()
        let kept = log
        let got = ''
        for (const { bytes, piece, away } of breaks) {
          got += readOn(position, kept, bytes, piece)
          const handed = got.split('\n').length - 1 - (log.length - kept.length)
          kept = kept.slice(Math.min(away, handed))
        }
        got += readOn(position, kept, Infinity) + position.rest().toString()
        expect(got).to.equal(log.join(''))
      }),
      { numRuns: 500 },
    )
  })

  it('repeats none whose timestamp is higher than that of a later line of its second', () => {
    const log = ['500', '300', '400', '200'].map((ms, index) => `2026-01-01T00:00:00.${ms}000000Z line ${index}\n`)
    for (let broken = 1; broken <= log.length; broken += 1) {
      const position = new LogPosition()
      const begun = readOn(position, log.slice(0, broken), Infinity)
      expect(begun + readOn(position, log, Infinity), `after ${broken}`).to.equal(log.join(''))
    }
  })

  it('follows the last lines only, also when it has to read on', () => {
    const log = Array.from({ length: 9 }, (_, index) => `${stamp(index % 4)} line ${index}\n`)
    for (let broken = 5; broken <= log.length; broken += 1) {
      const position = new LogPosition({ isTail: true })
      position.reopened()
      const begun = position.take(Buffer.from(log.slice(4, broken).join(''))).toString()
      const all = begun + readOn(position, log, Infinity) + position.rest().toString()
      expect(all, `after ${broken}`).to.equal(log.slice(4).join(''))
    }
  })

  it('reads on from some seconds before the last line, where there are many', () => {
    const text = 'x'.repeat(1000)
    const log = Array.from({ length: 5000 }, (_, index) => {
      const second = Math.floor(index / 100) - (index % 3)
      return `${new Date((second + 10) * 1000).toISOString().replace('Z', '000000Z')} ${index} ${text}\n`
    })
    const position = new LogPosition()
    let got = readOn(position, log, 3_000_000, 65_536)
    expect(position.since).to.equal('1970-01-01T00:00:33.000000000Z')
    got += readOn(position, log, 100_000, 65_536)
    got += readOn(position, log, Infinity, 65_536)
    expect(got).to.equal(log.join(''))
  })

  it('gives a very long line once and whole, wherever the stream breaks', () => {
    const log = [`${stamp(1)} a\n`, `${stamp(1)} ${'y'.repeat(3 * 1024 * 1024)}\n`, `${stamp(2)} b\n`]
    for (const bytes of [100, 1_500_000, 2_500_000, 3_145_790]) {
      const position = new LogPosition()
      let got = readOn(position, log, bytes, 65_536)
      got += readOn(position, log, bytes, 50_000)
      got += readOn(position, log, Infinity, 65_536)
      expect(got === log.join(''), `after ${bytes}: ${got.length} bytes`).to.equal(true)
    }
  })

  it('leaves out messages of the kubelet', () => {
    const position = new LogPosition()
    expect(readOn(position, [`${stamp(1)} a\n`], Infinity)).to.equal(`${stamp(1)} a\n`)
    position.reopened()
    position.take(Buffer.from('unable to retrieve container logs for containerd://0123'))
    expect(position.rest().toString()).to.equal('')
    expect(readOn(position, [`${stamp(1)} a\n`, `${stamp(2)} b\n`], Infinity)).to.equal(`${stamp(2)} b\n`)
  })

  it('keeps lines whose timestamps go back', () => {
    const log = [`${stamp(9)} a\n`, `${stamp(3)} b\n`, `${stamp(4)} c\n`]
    expect(readOn(new LogPosition(), log, Infinity)).to.equal(log.join(''))
  })

  it('forwards a line of more than 1 MiB before its end', () => {
    const position = new LogPosition()
    const line = `${stamp(1)} ${'x'.repeat(3 * 1024 * 1024)}`
    const early = readOn(position, [line], Infinity, 65_536)
    expect(early.length).to.be.above(2 * 1024 * 1024)
    expect(early + position.take(Buffer.from('\n')).toString()).to.equal(`${line}\n`)
  })
})
