import { HttpError } from '../http-error.ts'

/** Bytes of a text: the first of them, and the first one after them. */
export interface ByteRange {
  from: number
  to: number
}

/** What a request says of ranges. */
export interface RangeHeaders {
  /** Empty if absent. */
  range: string
  ifRange: string
}

/**
 * The one range that a request asks for, of a text with this size and ETag; undefined if it asks for none, for another
 * unit, or for a range of another text. Throws 416 for a range without a byte of the text, and for several ranges.
 */
export function parseRange(
  { range, ifRange }: RangeHeaders,
  { size, etag }: { size: number; etag: string },
): ByteRange | undefined {
  const [, wanted] = /^bytes=(.*)$/is.exec(range) ?? []
  if (wanted === undefined || (ifRange !== '' && ifRange !== etag)) return undefined
  const [, first, last] = /^\s*(\d*)\s*-\s*(\d*)\s*$/.exec(wanted) ?? []
  if (first === undefined || last === undefined || (first === '' && last === ''))
    throw unsatisfiable(size, 'must be one range: bytes=FIRST-LAST, bytes=FIRST- or bytes=-COUNT')
  const from = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const to = first === '' || last === '' ? size : Math.min(size, Number(last) + 1)
  if (from >= to) throw unsatisfiable(size, `has no byte of the log, which has ${size} bytes`)
  return { from, to }
}

function unsatisfiable(size: number, why: string): HttpError {
  return new HttpError(416, 'RangeNotSatisfiable', `Range ${why}`, { 'Content-Range': `bytes */${size}` })
}
