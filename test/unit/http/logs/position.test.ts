import { expect } from 'chai'
import { array, assert, integer, nat, property, tuple } from 'fast-check'
import { LogPosition } from '../../../../src/http/logs/position.ts'

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

describe('how far a log has been handed on', () => {
  const lines = [0, 1, 1, 1, 2, 5, 5].map((second, index) => `${stamp(second)} line ${index}\n`)

  it('gives a log that is read in one go as it is, a last line without an end included', () => {
    const position = new LogPosition()
    const log = [...lines, `${stamp(6)} no newline`]
    expect(readOn(position, log, Infinity) + position.rest().toString()).to.equal(log.join(''))
  })

  it('loses no line and repeats none, wherever the stream breaks and how often', () => {
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

  it('leaves out what a kubelet says for itself', () => {
    const position = new LogPosition()
    expect(readOn(position, [`${stamp(1)} a\n`], Infinity)).to.equal(`${stamp(1)} a\n`)
    position.reopened()
    position.take(Buffer.from('unable to retrieve container logs for containerd://0123'))
    expect(position.rest().toString()).to.equal('')
    expect(readOn(position, [`${stamp(1)} a\n`, `${stamp(2)} b\n`], Infinity)).to.equal(`${stamp(2)} b\n`)
  })

  it('keeps lines whose clock went back', () => {
    const log = [`${stamp(9)} a\n`, `${stamp(3)} b\n`, `${stamp(4)} c\n`]
    expect(readOn(new LogPosition(), log, Infinity)).to.equal(log.join(''))
  })

  it('hands a line of more than a mebibyte on before its end', () => {
    const position = new LogPosition()
    const line = `${stamp(1)} ${'x'.repeat(3 * 1024 * 1024)}`
    const early = readOn(position, [line], Infinity, 65_536)
    expect(early.length).to.be.above(2 * 1024 * 1024)
    expect(early + position.take(Buffer.from('\n')).toString()).to.equal(`${line}\n`)
  })
})
