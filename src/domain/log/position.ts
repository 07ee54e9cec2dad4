import { CatchUp, HandedOn, type HandedOnSnapshot, markOf } from './handed-on.ts'

const NEWLINE = 10

/** Bytes of one line that are buffered until its end; a longer line is forwarded in chunks. */
const LONGEST_WAIT = 1024 * 1024

/** Bytes of lines that may wait until it is known whether they were handed on; the oldest go first. */
const LONGEST_DOUBT = 1024 * 1024

/**
 * How far a log has been handed on, so that it can be read on after its stream broke: no line is lost and none comes
 * twice, in the order in which they were written. Each line begins with its timestamp and a blank, as the kubelet writes
 * them. Lines may share a timestamp, and a timestamp may be lower than the one before it: the two streams of a container
 * are stamped side by side, and clocks are set.
 */
export class LogPosition {
  readonly #handed: HandedOn
  /** Lines before this moment are left out, until one that is not. */
  #from = ''
  #catchUp: CatchUp | undefined
  #doubtful: Buffer[] = []
  #begun: Buffer[] = []
  #waiting = 0
  /** What becomes of the rest of a line that was judged before its end. */
  #rest: 'handed on' | 'left out' | undefined
  /** Bytes of the last line that were handed on, if its end was not; and how many of them come once more. */
  #ofLast = 0
  #again = 0

  /** How often lines that were handed on did not come again, so that others may be missing before those that came. */
  #gaps = 0

  /** `isTail`: the log is not read from its beginning, but its last lines. */
  constructor({ isTail = false } = {}, handed = new HandedOn({ isTail })) {
    this.#handed = handed
  }

  /** The position that another process had reached. */
  static restored(snapshot: HandedOnSnapshot): LogPosition {
    return new LogPosition({}, HandedOn.restored(snapshot))
  }

  /** What another process needs to read on from here; undefined before the first line, and within a very long one. */
  snapshot(): HandedOnSnapshot | undefined {
    return this.#ofLast > 0 || this.#rest === 'handed on' ? undefined : this.#handed.snapshot()
  }

  /** How many gaps there may be in what was handed on: the kubelet has rotated lines away that nobody read. */
  get gaps(): number {
    return this.#gaps
  }

  /** The timestamp from which to read on; undefined before the first line. Of whole seconds, as the API server cuts it. */
  get since(): string | undefined {
    const second = this.#handed.sinceSecond
    return second === undefined ? undefined : new Date(second * 1000).toISOString().replace('Z', '000000Z')
  }

  /** Nothing was handed on yet, and what was written before this moment is not wanted. */
  startAt(moment: string): void {
    this.#from = moment
  }

  /** Prepares for a stream that begins at `since`, or at the beginning. */
  reopened(): void {
    const expected = this.#handed.expected()
    this.#catchUp = expected === undefined ? undefined : new CatchUp(expected)
    this.#doubtful = []
    this.#begun = []
    this.#waiting = 0
    this.#rest = undefined
  }

  /** What of these bytes is to be handed on: lines that were not handed on before, whole ones but for very long ones. */
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

  /** What is left when the log has ended: a last line without a newline, and lines that turned out to be new. */
  rest(): Buffer {
    const line = this.#line(Buffer.alloc(0))
    if (this.#doubtful.length === 0) this.#catchUp = undefined
    return Buffer.concat([...this.#trusted(), ...line])
  }

  #line(end: Buffer): Buffer[] {
    if (this.#rest !== undefined) {
      const piece = this.#ofLongLine(end)
      if (this.#rest === 'handed on') this.#ofLast = 0
      this.#rest = undefined
      return piece
    }
    const line = this.#taken(end)
    return line.length > 0 ? this.#judged(line, true) : []
  }

  #beginning(bytes: Buffer): Buffer[] {
    if (bytes.length === 0) return []
    if (this.#rest !== undefined) return this.#ofLongLine(bytes)
    this.#begun.push(bytes)
    this.#waiting += bytes.length
    return this.#waiting <= LONGEST_WAIT ? [] : this.#judged(this.#taken(Buffer.alloc(0)), false)
  }

  #taken(end: Buffer): Buffer {
    const line = this.#begun.length === 0 ? end : Buffer.concat([...this.#begun, end])
    this.#begun = []
    this.#waiting = 0
    return line
  }

  #ofLongLine(bytes: Buffer): Buffer[] {
    if (this.#rest !== 'handed on') return []
    const known = Math.min(this.#again, bytes.length)
    this.#again -= known
    this.#ofLast += bytes.length - known
    return [bytes.subarray(known)]
  }

  /** What is to be handed on because of this line, or of the beginning of a long one. */
  #judged(line: Buffer, isWhole: boolean): Buffer[] {
    const mark = markOf(line)
    const isEarly = mark === undefined || mark.moment < this.#from
    const verdict = isEarly ? 'old' : (this.#catchUp?.judge(mark) ?? 'new')
    if (!isWhole) this.#rest = 'left out'
    switch (verdict) {
      case 'old':
        return []
      case 'unknown':
        if (isWhole) this.#doubt(line)
        return []
      case 'last':
        this.#catchUp = undefined
        this.#doubtful = []
        return this.#restOfLast(line, isWhole)
      case 'new':
        return [...this.#trusted(), ...this.#handOn(line, isWhole)]
      default:
        return verdict satisfies never
    }
  }

  #doubt(line: Buffer): void {
    this.#doubtful.push(line)
    let bytes = this.#doubtful.reduce((sum, { length }) => sum + length, 0)
    for (; bytes > LONGEST_DOUBT; bytes -= this.#doubtful.shift()?.length ?? bytes);
  }

  /** Lines of which no old one was found behind them. */
  #trusted(): Buffer[] {
    if (this.#catchUp !== undefined) this.#gaps += 1
    this.#catchUp = undefined
    const lines = this.#doubtful
    this.#doubtful = []
    return lines.flatMap((line) => this.#handOn(line, true))
  }

  #handOn(line: Buffer, isWhole: boolean): Buffer[] {
    const mark = markOf(line)
    if (mark !== undefined) this.#handed.add(mark, line.length)
    this.#from = ''
    this.#again = 0
    this.#ofLast = isWhole ? 0 : line.length
    if (!isWhole) this.#rest = 'handed on'
    return [line]
  }

  /** The stream may have broken within the last line. */
  #restOfLast(line: Buffer, isWhole: boolean): Buffer[] {
    if (this.#ofLast === 0) return []
    const known = Math.min(this.#ofLast, line.length)
    this.#again = this.#ofLast - known
    this.#ofLast = isWhole ? 0 : Math.max(this.#ofLast, line.length)
    if (!isWhole) this.#rest = 'handed on'
    return [line.subarray(known)]
  }
}
