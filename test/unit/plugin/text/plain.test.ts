import { expect } from 'chai'
import { assert, constantFrom, property, string, array, oneof } from 'fast-check'
import { logLine, plain } from '../../../../src/plugin/text/plain.ts'

const ESC = '\u001b'
/** All control characters, and some that change the direction of text. */
const controls = [...Array.from({ length: 0xa0 }, (_, code) => String.fromCharCode(code)), '\u202e', '\u2066', '\u2028']
const colours = new RegExp(`${ESC}\\[[\\d;:]*m`, 'g')

function withoutColours(text: string): string {
  return text.replaceAll(colours, '')
}

describe('a text from outside', () => {
  it('shows control characters instead of sending them to the terminal', () => {
    expect(plain(`a${ESC}[2Jb`)).to.equal('a^[[2Jb')
    expect(plain('a\u009b31mb\u007f')).to.equal('a<U+009B>31mb<U+007F>')
    expect(plain(`${ESC}]0;title\u0007`)).to.equal('^[]0;title^G')
  })

  it('is one line, and keeps its direction', () => {
    expect(plain('one\r\n  two\tthree')).to.equal('one two three')
    expect(plain('safe\u202egnp.exe')).to.equal('safe<U+202E>gnp.exe')
    expect(plain('a\u2028b')).to.equal('a<U+2028>b')
  })

  it('keeps every other character', () => {
    expect(plain('naïve 日本語 🚀 |%$')).to.equal('naïve 日本語 🚀 |%$')
  })

  it('never holds a control character', () => {
    const piece = oneof(
      string(),
      constantFrom(...controls),
      constantFrom(ESC, '\u009b', '\r', '\n', '\u0007', '[31m', ']8;;x'),
    )
    assert(property(array(piece), (pieces) => !/\p{Cc}|\p{Bidi_Control}/u.test(plain(pieces.join('')))))
  })
})

describe('a line of a log', () => {
  const cases: [what: string, line: string, shown: string][] = [
    [
      'colours',
      `${ESC}[1;31mred${ESC}[0m ${ESC}[38:5:9mtoo${ESC}[m`,
      `${ESC}[1;31mred${ESC}[0m ${ESC}[38:5:9mtoo${ESC}[m`,
    ],
    ['moves of the cursor', `a${ESC}[2Kb${ESC}[10;10Hc${ESC}[?25l`, 'abc'],
    ['titles and links', `${ESC}]0;title\u0007a${ESC}]8;;http://x${ESC}\\b`, 'ab'],
    ['a text without its end', `a${ESC}]0;title`, 'a'],
    ['device strings', `a${ESC}P1$r0m${ESC}\\b`, 'ab'],
    ['short sequences', `a${ESC}cb${ESC}(0c${ESC}7`, 'abc'],
    ['an escape at the end', `a${ESC}`, 'a'],
    ['a sequence without its end', `a${ESC}[31`, 'a'],
    ['8-bit sequences', 'a\u009b2Jb\u0085', 'ab'],
    ['bells and backspaces', 'a\u0007\bb\u0000', 'ab'],
    ['tabs', 'a\tb', 'a\tb'],
    ['carriage returns', '10%\r20%\r', '10% 20%'],
  ]
  for (const [what, line, shown] of cases) {
    it(`is printed with its colours and no other sequence: ${what}`, () => {
      expect(logLine(line, true)).to.equal(shown)
      expect(logLine(line, false)).to.equal(withoutColours(shown))
    })
  }

  it('never holds another control character', () => {
    const piece = oneof(string(), constantFrom(ESC, '[', ']', 'P', '\u009b', '\u009c', '31', 'm', '\\'))
    const isClean = (text: string): boolean => !/\p{Cc}/u.test(withoutColours(text).replaceAll('\t', ''))
    assert(property(array(piece), (pieces) => isClean(logLine(pieces.join(''), true))))
  })
})
