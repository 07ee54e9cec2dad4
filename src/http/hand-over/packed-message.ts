import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { BadFrame, FRAME_HEADER, frameHeader, frameTypes, MAX_FRAME_BODY } from '../../api/frame.ts'
import { MAX_PACKED_BYTES } from '../../domain/hand-over/message-parts.ts'
import { messageTooLong } from '../input/body-limit.ts'
import { badRequest } from '../http-error.ts'

/**
 * Checks that bytes are one whole frame with a new job, packed with gzip: 400 where they are not, 413 where they are too
 * long. Unpacks them piece by piece and keeps none; nothing of what is in them is ever said.
 */
export async function checkPacked(packed: Uint8Array, signal: AbortSignal): Promise<void> {
  if (packed.length > MAX_PACKED_BYTES) throw messageTooLong('packed')
  const gunzip = createGunzip()
  const count = new FrameCount()
  try {
    await pipeline(Readable.from([packed]), gunzip, (pieces: AsyncIterable<Buffer>) => count.take(pieces), { signal })
  } catch (error) {
    if (!isZlibError(error)) throw error
    throw badRequest(`message must be packed with gzip: ${error.message}`)
  }
  // What follows the end of the gzip stream is left over.
  if (gunzip.bytesWritten !== packed.length) throw badRequest('message must be one gzip stream and nothing after it')
  count.checkWhole()
}

/** Counts the bytes of one frame. */
class FrameCount {
  readonly #header = Buffer.alloc(FRAME_HEADER)
  #length = 0

  async take(pieces: AsyncIterable<Buffer>): Promise<void> {
    for await (const piece of pieces) {
      if (this.#length < FRAME_HEADER) piece.copy(this.#header, this.#length)
      this.#length += piece.length
      if (this.#length > FRAME_HEADER + MAX_FRAME_BODY) throw messageTooLong('unpacked')
    }
  }

  checkWhole(): void {
    if (this.#length < FRAME_HEADER) throw badRequest('message must be a frame, and is shorter than its header')
    const { type, bodyLength } = headerOf(this.#header)
    if (type !== frameTypes.newJob)
      throw badRequest(`message must be a frame of type ${frameTypes.newJob}, not ${type}`)
    const wanted = FRAME_HEADER + bodyLength
    if (this.#length === wanted) return
    throw badRequest(`message must be one whole frame: its header says ${wanted} bytes, and it has ${this.#length}`)
  }
}

function headerOf(bytes: Uint8Array): ReturnType<typeof frameHeader> {
  try {
    return frameHeader(bytes)
  } catch (error) {
    throw error instanceof BadFrame ? badRequest(`message: ${error.message}`) : error
  }
}

function isZlibError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && /^Z_[A-Z]+_ERROR$/.test(String(error.code))
}
