const NEWLINE = 10
const SPACE = 32

/** What every line of a log begins with. Without it a kubelet speaks for itself: that the container is not there any more. */
const TIMESTAMP = /^\d{4}-\d{2}-\d{2}T[\d:.]+(Z|[+-]\d{2}:\d{2})$/

/** Bytes of one line that may wait for its end; more are handed on as they come. */
const LONGEST_WAIT = 1024 * 1024

/**
 * How far a log has been handed on, so that it can be read on after its stream broke: no line is lost and none comes
 * twice. Each line begins with its timestamp and a blank, as the kubelet writes them; lines may share a timestamp.
 */
export class LogPosition {
  #stamp = ''
  /** Lines of that timestamp that were handed on. */
  #count = 0
  #isCatchingUp = false
  #again = 0
  #begun: Buffer[] = []
  #waiting = 0
  #isInLongLine = false

  /** The timestamp from which to read on; undefined before the first line. */
  get since(): string | undefined {
    return this.#stamp === '' ? undefined : this.#stamp
  }

  /** The log is read from `since` on, or from its beginning. */
  reopened(): void {
    this.#isCatchingUp = this.#stamp !== ''
    this.#again = 0
    this.#begun = []
    this.#waiting = 0
    this.#isInLongLine = false
  }

  /** What of these bytes is to be handed on: whole lines that were not handed on before. */
  take(chunk: Uint8Array): Buffer {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    const fresh: Buffer[] = []
    let from = 0
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, from)) {
      fresh.push(...this.#line(bytes.subarray(from, end + 1)))
      from = end + 1
    }
    fresh.push(...this.#beginning(bytes.subarray(from)))
    return Buffer.concat(fresh)
  }

  /** The last line, where the log ended without a newline. */
  rest(): Buffer {
    const [line = Buffer.alloc(0)] = this.#line(Buffer.alloc(0))
    return line
  }

  #line(end: Buffer): Buffer[] {
    if (this.#isInLongLine) {
      this.#isInLongLine = false
      return [end]
    }
    const line = this.#begun.length === 0 ? end : Buffer.concat([...this.#begun, end])
    this.#begun = []
    this.#waiting = 0
    return line.length > 0 && this.#isNew(line) ? [line] : []
  }

  #beginning(bytes: Buffer): Buffer[] {
    if (bytes.length === 0) return []
    if (this.#isInLongLine) return [bytes]
    this.#begun.push(bytes)
    this.#waiting += bytes.length
    if (this.#waiting <= LONGEST_WAIT) return []
    const [line] = this.#line(Buffer.alloc(0))
    this.#isInLongLine = line !== undefined
    return line === undefined ? [] : [line]
  }

  /** Judges a line by its timestamp, and counts it. */
  #isNew(line: Buffer): boolean {
    const blank = line.indexOf(SPACE)
    const stamp = line.toString('latin1', 0, blank < 0 ? line.length : blank).trimEnd()
    if (!TIMESTAMP.test(stamp)) return false
    if (this.#isCatchingUp) {
      if (stamp < this.#stamp) return false
      if (stamp === this.#stamp && this.#again < this.#count) {
        this.#again += 1
        return false
      }
      this.#isCatchingUp = false
    }
    this.#count = stamp === this.#stamp ? this.#count + 1 : 1
    this.#stamp = stamp
    return true
  }
}
