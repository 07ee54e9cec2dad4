import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { encodeFrame } from '../../../../src/api/frame.ts'
import { HttpError } from '../../../../src/http/http-error.ts'
import { checkPacked } from '../../../../src/http/hand-over/packed-message.ts'

const never = new AbortController().signal
const limits = 'a message may have 50 MB, and 8 MiB packed'

/** What is answered to these bytes. */
async function verdict(packed: Uint8Array): Promise<string> {
  try {
    await checkPacked(packed, never)
    return 'taken'
  } catch (error) {
    if (!(error instanceof HttpError)) throw error
    return `${error.status} ${error.message}`
  }
}

/** A frame whose header says so much, with a body of so much. */
function frameOf(said: number, length: number, type = 1): Buffer {
  const bytes = Buffer.alloc(8 + length)
  bytes.writeInt32LE(type, 0)
  bytes.writeInt32LE(said, 4)
  return bytes
}

describe('a packed message', () => {
  it('is one whole frame with a new job, packed with gzip', async () => {
    expect(await verdict(gzipSync(encodeFrame(1, '{"jobId":"ä"}')))).to.equal('taken')
    expect(await verdict(gzipSync(encodeFrame(1, '')))).to.equal('taken')
  })

  it('may have 50 MB and no more, and is given up as soon as it has', async () => {
    expect(await verdict(gzipSync(frameOf(50_000_000, 50_000_000)))).to.equal('taken')
    expect(await verdict(gzipSync(frameOf(50_000_000, 50_000_002)))).to.equal(
      `413 the message is too long unpacked: ${limits}`,
    )
  })

  it('may have 8 MiB packed and no more', async () => {
    const body = randomBytes(8 * 1024 * 1024)
    const packed = gzipSync(Buffer.concat([frameOf(body.length, 0), body]), { level: 0 })
    expect(packed.length).to.be.above(8 * 1024 * 1024)
    expect(await verdict(packed)).to.equal(`413 the message is too long packed: ${limits}`)
  })

  const whole = gzipSync(encodeFrame(1, 'x'.repeat(1000)))
  const broken = Buffer.from(whole)
  broken.writeUInt32LE(0, broken.length - 8)
  const refused: [string, Uint8Array, string][] = [
    ['is empty', Buffer.alloc(0), 'message must be packed with gzip: unexpected end of file'],
    ['is not packed', encodeFrame(1, 'x'), 'message must be packed with gzip: incorrect header check'],
    ['is cut off', whole.subarray(0, -9), 'message must be packed with gzip: unexpected end of file'],
    ['has been changed', broken, 'message must be packed with gzip: incorrect data check'],
    ['goes on after its end', Buffer.concat([whole, Buffer.from('more')]), 'message must be packed with gzip'],
    ['ends in zeros', Buffer.concat([whole, Buffer.alloc(4)]), 'one gzip stream and nothing after it'],
    ['is no frame', gzipSync('short'), 'message must be a frame, and is shorter than its header'],
    ['is a frame of another type', gzipSync(frameOf(2, 2, 2)), 'message must be a frame of type 1, not 2'],
    ['is shorter than its header says', gzipSync(frameOf(4, 2)), 'its header says 12 bytes, and it has 10'],
    ['is longer than its header says', gzipSync(frameOf(2, 4)), 'its header says 10 bytes, and it has 12'],
    ['has a length below 0', gzipSync(frameOf(-1, 2)), 'message: the frame announces a body of -1 bytes'],
    ['has an odd length', gzipSync(frameOf(3, 3)), 'which is no UTF-16'],
  ]
  for (const [what, bytes, why] of refused) {
    it(`that ${what} is refused`, async () => {
      expect(await verdict(bytes))
        .to.match(/^400 /)
        .and.include(why)
    })
  }
})
