/**
 * The frames in which a GitHub runner's Listener hands a job to its Worker, over a pipe:
 *
 *   int32 type ─ int32 length of the body in bytes ─ body in UTF-16      (all little-endian)
 *
 * Unchanged since 2019; see ProcessChannel and StreamString in https://github.com/actions/runner.
 */
export const frameTypes = { newJob: 1, cancel: 2, runnerShutdown: 3, osShutdown: 4 } as const

/** Longest body of a frame, in bytes. The runner itself takes no longer one. */
export const MAX_FRAME_BODY = 50_000_000

/** Length of what stands before the body. */
export const FRAME_HEADER = 8

/** One whole frame, as it came. */
export interface Frame {
  type: number
  /** Header and body. */
  bytes: Uint8Array
}

/** The bytes are no frame. Says what is wrong, never what is in it. */
export class BadFrame extends Error {
  override name = 'BadFrame'
}

/** What the header of a frame says. The view needs FRAME_HEADER bytes; BadFrame where no frame begins like this. */
export function frameHeader(bytes: Uint8Array): { type: number; bodyLength: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, FRAME_HEADER)
  const bodyLength = view.getInt32(4, true)
  if (bodyLength < 0 || bodyLength > MAX_FRAME_BODY) {
    throw new BadFrame(`the frame announces a body of ${bodyLength} bytes, and may have 0 to ${MAX_FRAME_BODY}`)
  }
  if (bodyLength % 2 !== 0) throw new BadFrame(`the frame announces a body of ${bodyLength} bytes, which is no UTF-16`)
  return { type: view.getInt32(0, true), bodyLength }
}

/** The bytes of a frame. */
export function encodeFrame(type: number, body: string): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER + 2 * body.length)
  const view = new DataView(bytes.buffer)
  view.setInt32(0, type, true)
  view.setInt32(4, 2 * body.length, true)
  for (let at = 0; at < body.length; at++) view.setUint16(FRAME_HEADER + 2 * at, body.charCodeAt(at), true)
  return bytes
}

/** The text of a frame. Half of a surrogate pair, which the runner never writes, becomes U+FFFD. */
export function frameBody({ bytes }: Frame): string {
  return new TextDecoder('utf-16le', { ignoreBOM: true }).decode(bytes.subarray(FRAME_HEADER))
}

/** Puts frames together from the pieces in which they arrive, however a pipe cuts them. */
export class FrameDecoder {
  readonly #header = new Uint8Array(FRAME_HEADER)
  #frame: Frame | undefined
  /** Bytes of the frame under way that are there. */
  #filled = 0

  /** Whether the bytes so far end in the middle of a frame. */
  get isPartial(): boolean {
    return this.#filled > 0
  }

  /** The frames that this piece completes, in order. After a BadFrame the decoder is of no more use. */
  push(piece: Uint8Array): Frame[] {
    const frames: Frame[] = []
    for (let rest = piece; rest.length > 0; ) {
      rest = this.#frame === undefined ? this.#readHeader(rest) : this.#readBody(this.#frame, rest)
      if (this.#frame === undefined || this.#filled < this.#frame.bytes.length) continue
      frames.push(this.#frame)
      this.#frame = undefined
      this.#filled = 0
    }
    return frames
  }

  #readHeader(piece: Uint8Array): Uint8Array {
    const taken = piece.subarray(0, FRAME_HEADER - this.#filled)
    this.#header.set(taken, this.#filled)
    this.#filled += taken.length
    if (this.#filled === FRAME_HEADER) {
      const { type, bodyLength } = frameHeader(this.#header)
      const bytes = new Uint8Array(FRAME_HEADER + bodyLength)
      bytes.set(this.#header)
      this.#frame = { type, bytes }
    }
    return piece.subarray(taken.length)
  }

  #readBody({ bytes }: Frame, piece: Uint8Array): Uint8Array {
    const taken = piece.subarray(0, bytes.length - this.#filled)
    bytes.set(taken, this.#filled)
    this.#filled += taken.length
    return piece.subarray(taken.length)
  }
}
