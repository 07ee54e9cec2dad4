import { expect } from 'chai'
import * as fc from 'fast-check'
import {
  BadFrame,
  encodeFrame,
  type Frame,
  frameBody,
  FrameDecoder,
  frameTypes,
  MAX_FRAME_BODY,
} from '../../../src/api/frame.ts'

/** Cuts bytes at these places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  return sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end))
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

function decode(pieces: readonly Uint8Array[]): Frame[] {
  const decoder = new FrameDecoder()
  const frames = pieces.flatMap((piece) => decoder.push(piece))
  expect(decoder.isPartial, 'a rest').to.equal(false)
  return frames
}

const text = fc.string({ unit: 'binary', maxLength: 300 })
const type = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })

describe('frames of the runner', () => {
  it('are type, length in bytes and UTF-16, all little-endian', () => {
    const bytes = Buffer.from(encodeFrame(frameTypes.newJob, 'aé€😀'))
    expect(bytes.toString('hex')).to.equal('010000000a0000006100e900ac203dd800de')
    expect(Buffer.from(encodeFrame(frameTypes.cancel, '')).toString('hex')).to.equal('0200000000000000')
  })

  it('arrive as they were sent, however their bytes are cut', () => {
    const sent = fc.array(fc.record({ type, text }), { maxLength: 5 })
    fc.assert(
      fc.property(sent, fc.array(fc.nat(), { maxLength: 20 }), (values, places) => {
        const whole = values.map((value) => encodeFrame(value.type, value.text))
        const frames = decode(cut(join(whole), places))
        expect(frames.map((frame) => ({ type: frame.type, text: frameBody(frame) }))).to.deep.equal(values)
        expect(frames.map(({ bytes }) => Buffer.from(bytes))).to.deep.equal(whole.map((bytes) => Buffer.from(bytes)))
      }),
    )
  })

  it('arrive byte by byte', () => {
    const bytes = join([encodeFrame(1, '{"jobId":"ä"}'), encodeFrame(2, '')])
    const frames = decode([...bytes].map((byte) => Uint8Array.of(byte)))
    expect(frames.map((frame) => [frame.type, frameBody(frame)])).to.deep.equal([
      [1, '{"jobId":"ä"}'],
      [2, ''],
    ])
  })

  it('keep a byte order mark in their text', () => {
    const [frame] = decode([encodeFrame(1, '\uFEFFx')])
    expect(frame && frameBody(frame)).to.equal('\uFEFFx')
  })

  it('may be of the size that the runner takes, and are kept apart from what the sender does with its buffer', () => {
    const bytes = new Uint8Array(8 + MAX_FRAME_BODY)
    new DataView(bytes.buffer).setInt32(4, MAX_FRAME_BODY, true)
    const piece = bytes.slice(0, 65_536)
    const decoder = new FrameDecoder()
    decoder.push(piece)
    piece.fill(1)
    const [frame] = decoder.push(bytes.subarray(65_536))
    expect(frame?.bytes.length).to.equal(bytes.length)
    expect(frame?.bytes.indexOf(1)).to.equal(-1)
  })

  for (const [length, why] of [
    [-1, 'announces a body of -1 bytes'],
    [MAX_FRAME_BODY + 2, 'may have 0 to 50000000'],
    [3, 'no UTF-16'],
  ] as const) {
    it(`are none with a length of ${length}, and nothing is kept for them`, () => {
      const header = new Uint8Array(8)
      new DataView(header.buffer).setInt32(4, length, true)
      expect(() => new FrameDecoder().push(header)).to.throw(BadFrame, why)
    })
  }

  it('that are not whole are known to be so', () => {
    const decoder = new FrameDecoder()
    for (const end of [3, 8, 11]) {
      decoder.push(encodeFrame(1, 'abc').subarray(end === 3 ? 0 : end === 8 ? 3 : 8, end))
      expect(decoder.isPartial, `after ${end} bytes`).to.equal(true)
    }
    expect(decoder.push(encodeFrame(1, 'abc').subarray(11))).to.have.lengthOf(1)
    expect(decoder.isPartial).to.equal(false)
  })
})
