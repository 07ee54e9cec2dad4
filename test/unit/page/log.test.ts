import { expect } from 'chai'
import { LogReader, plainText, spansOf } from '../../../src/page/model/log-line.ts'
import { blocksBetween } from '../../../src/page/model/log-window.ts'

const ESC = '\u001B'
const stamp = '2026-01-01T00:00:00.123456789Z'

function lineOf(text: string) {
  const [line] = new LogReader().take(`${stamp} ${text}\n`)
  if (line === undefined) throw new Error('no line')
  return line
}

describe('the lines of a log', () => {
  it('are whole, wherever the text is cut, with their numbers and times', () => {
    const text = `${stamp} one\n${stamp} \nwithout time\n${stamp} last`
    for (let cut = 0; cut <= text.length; cut++) {
      const reader = new LogReader()
      const lines = [...reader.take(text.slice(0, cut)), ...reader.take(text.slice(cut)), ...reader.end()]
      expect(lines.map(({ number, time, raw }) => [number, time, raw])).to.deep.equal([
        [1, stamp, 'one'],
        [2, stamp, ''],
        [3, '', 'without time'],
        [4, stamp, 'last'],
      ])
    }
  })

  it('have their colours, also those that earlier lines left on', () => {
    const reader = new LogReader()
    const lines = reader.take(`${ESC}[1;31mred\nstill\n${ESC}[0mplain\n`)
    expect(lines.map((line) => spansOf(line).map(({ text, classes }) => [text, classes]))).to.deep.equal([
      [['red', 'ansi-red ansi-bold']],
      [['still', 'ansi-red ansi-bold']],
      [['plain', '']],
    ])
  })

  it('have colours of the palette and any other as CSS of numbers alone', () => {
    const [palette, free] = [lineOf(`${ESC}[38;5;196mx`), lineOf(`${ESC}[48;2;1;2;3mx`)].map((line) => spansOf(line)[0])
    expect(palette?.colour).to.equal('rgb(255, 0, 0)')
    expect(free?.background).to.equal('rgb(1, 2, 3)')
  })

  const texts: [what: string, raw: string, shown: string][] = [
    ['a line that was written again', 'progress 10 %\rprogress 100 %', 'progress 100 %'],
    ['movements of the cursor', `a${ESC}[2Kb${ESC}[1Ac`, 'abc'],
    ['a link', `${ESC}]8;;javascript:alert(1)\u0007text${ESC}]8;;\u0007`, 'text'],
    ['a title that never ends', `${ESC}]0;title`, ''],
    ['control characters', 'a\u0000\u0008b\u007F', 'ab'],
    ['markup', '<b onclick="x">&amp;</b>', '<b onclick="x">&amp;</b>'],
  ]
  for (const [what, raw, shown] of texts) {
    it(`show ${what} as text`, () => {
      const line = lineOf(raw)
      expect(plainText(line)).to.equal(shown)
      expect(
        spansOf(line)
          .map(({ text }) => text)
          .join(''),
      ).to.equal(shown)
    })
  }
})

describe('the blocks in view', () => {
  const heights = [100, 50, 200, 100]
  const cases: [from: number, to: number, blocks: ReturnType<typeof blocksBetween>][] = [
    [0, 90, { first: 0, end: 1, before: 0, after: 350 }],
    [120, 200, { first: 1, end: 3, before: 100, after: 100 }],
    [-500, 5000, { first: 0, end: 4, before: 0, after: 0 }],
    [900, 1000, { first: 0, end: 0, before: 0, after: 450 }],
  ]
  for (const [from, to, blocks] of cases) {
    it(`from ${from} to ${to} are ${blocks.first} to ${blocks.end}, and all heights together stay the same`, () => {
      expect(blocksBetween(heights, from, to)).to.deep.equal(blocks)
    })
  }
})
