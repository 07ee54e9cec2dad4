import { expect } from 'chai'
import { HttpError } from '../../../../src/http/http-error.ts'
import { type ByteRange, parseRange } from '../../../../src/http/logs/byte-range.ts'

const file = { size: 1000, etag: '"a"' }

const good: [range: string, parsed: ByteRange | undefined, ifRange?: string][] = [
  ['', undefined],
  ['lines=0-9', undefined],
  ['bytes', undefined],
  ['bytes=0-9', { from: 0, to: 10 }],
  ['BYTES=0-9', { from: 0, to: 10 }],
  ['bytes= 0 - 9 ', { from: 0, to: 10 }],
  ['bytes=0-0', { from: 0, to: 1 }],
  ['bytes=990-', { from: 990, to: 1000 }],
  ['bytes=990-999', { from: 990, to: 1000 }],
  ['bytes=990-99999999999999999999999', { from: 990, to: 1000 }],
  ['bytes=-1', { from: 999, to: 1000 }],
  ['bytes=-5000', { from: 0, to: 1000 }],
  ['bytes=0-9', { from: 0, to: 10 }, '"a"'],
  ['bytes=0-9', undefined, '"b"'],
  ['bytes=0-9', undefined, 'W/"a"'],
  ['bytes=0-9', undefined, 'Mon, 01 Jan 2024 00:00:00 GMT'],
  ['bytes=5-2', undefined, '"b"'],
]
const bad = [
  'bytes=',
  'bytes=-',
  'bytes=-0',
  'bytes=5-2',
  'bytes=1000-',
  'bytes=0-1,3-4',
  'bytes=a-b',
  'bytes=1',
  'bytes=0x1-2',
]

describe('the header Range', () => {
  for (const [range, parsed, ifRange = ''] of good) {
    it(`of ${JSON.stringify(range)} is ${JSON.stringify(parsed)}${ifRange && ` if the ETag is ${ifRange}`}`, () => {
      expect(parseRange({ range, ifRange }, file)).to.deep.equal(parsed)
    })
  }

  it('gets 416 with the size for bytes that are not there, for several ranges, and for what is no range', () => {
    for (const range of bad) {
      const refused = expect(() => parseRange({ range, ifRange: '' }, file), range).to.throw(HttpError, /^Range /)
      refused.to.deep.include({ status: 416, headers: { 'Content-Range': 'bytes */1000' } })
    }
  })

  it('of an empty log is never satisfiable', () => {
    for (const range of ['bytes=0-', 'bytes=-5'])
      expect(() => parseRange({ range, ifRange: '' }, { ...file, size: 0 })).to.throw(HttpError)
  })
})
