import type { Piece } from '../../archive/reader.ts'

const NEWLINE = 10

/** Which lines to send, and the limit of their bytes. */
export interface PageOf {
  /** Lines to leave out at the beginning. */
  skip: number
  limit: number
  maxBytes: number
  /** The number of the first line that comes. */
  firstLine: number
}

/** The lines of one page. `onCut` gets the number of the first line after it, if there is one. */
export async function* pageOf(
  pieces: AsyncIterable<Piece>,
  of: PageOf,
  onCut: (nextLine: number) => void,
): AsyncGenerator<Buffer> {
  const page = new Page(of)
  for await (const { text, isMarker } of pieces) {
    const wanted = isMarker === true ? page.marker(text) : page.take(text)
    if (wanted.length > 0) yield wanted
    if (!page.isFull) continue
    onCut(of.firstLine + page.line)
    return
  }
}

class Page {
  readonly #of: PageOf
  #bytes = 0
  /** Lines that came. A long line may come in pieces: it is counted at its end. */
  line = 0
  isFull = false

  constructor(of: PageOf) {
    this.#of = of
  }

  marker(text: Buffer): Buffer {
    return this.#isBefore() || this.#isAfter(0) ? Buffer.alloc(0) : text
  }

  /** What of these lines is on the page. */
  take(text: Buffer): Buffer {
    let start = 0
    for (let at = 0; at < text.length; ) {
      const end = text.indexOf(NEWLINE, at) + 1 || text.length
      if (this.#isBefore()) start = end
      else if (this.#isAfter(end - at)) {
        this.isFull = true
        return text.subarray(start, at)
      } else this.#bytes += end - at
      if (text[end - 1] === NEWLINE) this.line += 1
      at = end
    }
    return text.subarray(start)
  }

  #isBefore(): boolean {
    return this.line < this.#of.skip
  }

  #isAfter(bytes: number): boolean {
    const { skip, limit, maxBytes } = this.#of
    return this.line >= skip + limit || (this.#bytes > 0 && this.#bytes + bytes > maxBytes)
  }
}
