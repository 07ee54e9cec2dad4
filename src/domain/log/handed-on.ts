/** Bytes of a log that are read again from their very beginning after a break; of more only the last seconds are. */
const SHORT_LOG = 1024 * 1024

/** How many seconds the clock of a node may go back without a line of a long log being lost. */
const SLACK_SECONDS = 5

/** What identifies a line: its timestamp and the beginning of its text. */
const ID_BYTES = 256

const TIMESTAMP = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d+))?(Z|[+-]\d{2}:\d{2})$/
const SPACE = 32

/** A line of a log, as far as it is needed to know it again. */
export interface LineMark {
  id: string
  /** Whole seconds since 1970. */
  second: number
  /** Sorts as time does. */
  moment: string
}

/** Reads the timestamp of a line; undefined for what is no line of a log: a kubelet's own words. */
export function markOf(line: Buffer): LineMark | undefined {
  const blank = line.indexOf(SPACE)
  const stamp = line.toString('latin1', 0, blank < 0 ? line.length : blank).trimEnd()
  const [, time, fraction = '', zone] = TIMESTAMP.exec(stamp) ?? []
  if (time === undefined || zone === undefined) return undefined
  const second = Date.parse(`${time}${zone}`) / 1000
  return { id: line.toString('latin1', 0, ID_BYTES), second, moment: momentOf(second, fraction) }
}

/** Whether text begins with a line of a log, and not with a kubelet's message. */
export function isLogLine(text: Buffer): boolean {
  return markOf(text.subarray(0, text.indexOf('\n') + 1 || text.length)) !== undefined
}

/** A time of the facade's clock, to compare with those of lines. */
export function momentAt(time: Date): string {
  const ms = time.getTime()
  return momentOf(Math.floor(ms / 1000), String(ms % 1000).padStart(3, '0'))
}

function momentOf(second: number, fraction = ''): string {
  return `${String(second).padStart(12, '0')}.${fraction.padEnd(9, '0')}`
}

interface Second {
  /** The number and mark of the first of its lines. */
  number: number
  first: string
  count: number
}

/** What is to be expected again of a log that is read from `since` on. */
export interface Expected {
  /** The first line, unless the kubelet has rotated it away. */
  first: string
  last: string
  count: number
  /** Lines after this moment are none of them. Before the last lines of a log others may come that are a bit later. */
  latest: string
}

/** What is kept of the lines that were handed on, so that another process can read on. JSON can hold it. */
export interface HandedOnSnapshot {
  /** The last seconds: each with the number and the mark of the first of its lines, and their count. */
  seconds: [second: number, number: number, first: string, count: number][]
  count: number
  bytes: number
  last: string
  latest: string
}

/**
 * The lines of a log that have been handed on: how many in which second, so that they are left out when the log is read
 * once more. A kubelet gives the lines of a second from which it is asked to read, in the order in which they were
 * written. Memory is bounded by SHORT_LOG, and by seconds beyond it.
 */
export class HandedOn {
  readonly #isTail: boolean
  readonly #seconds = new Map<number, Second>()
  #count = 0
  #bytes = 0
  #last = ''
  #latest = ''
  #latestSecond = -Infinity
  #earliestSecond = Infinity

  /** `isTail`: what was handed on does not begin where the log does. */
  constructor({ isTail }: { isTail: boolean }) {
    this.#isTail = isTail
  }

  /** The lines that another process handed on. Of these only the last seconds are read again. */
  static restored({ seconds, count, bytes, last, latest }: HandedOnSnapshot): HandedOn {
    const handed = new HandedOn({ isTail: false })
    for (const [second, number, first, lines] of seconds) {
      handed.#seconds.set(second, { number, first, count: lines })
      handed.#latestSecond = Math.max(handed.#latestSecond, second)
      handed.#earliestSecond = Math.min(handed.#earliestSecond, second)
    }
    handed.#count = count
    handed.#bytes = Math.max(bytes, SHORT_LOG + 1)
    handed.#last = last
    handed.#latest = latest
    return handed
  }

  /** Undefined before the first line. */
  snapshot(): HandedOnSnapshot | undefined {
    if (this.#count === 0) return undefined
    const since = this.#latestSecond - SLACK_SECONDS
    const seconds = [...this.#seconds].filter(([second]) => second >= since)
    return {
      seconds: seconds.map(([second, { number, first, count }]) => [second, number, first, count]),
      count: this.#count,
      bytes: this.#bytes,
      last: this.#last,
      latest: this.#latest,
    }
  }

  /** The second from which to read on; undefined before the first line. */
  get sinceSecond(): number | undefined {
    if (this.#count === 0) return undefined
    if (this.#bytes > SHORT_LOG) return this.#latestSecond - SLACK_SECONDS
    return this.#isTail ? this.#earliestSecond - SLACK_SECONDS : 0
  }

  add({ id, second, moment }: LineMark, bytes: number): void {
    const known = this.#seconds.get(second)
    if (known === undefined) this.#seconds.set(second, { number: this.#count, first: id, count: 1 })
    else known.count += 1
    this.#count += 1
    this.#bytes += bytes
    this.#last = id
    if (moment > this.#latest) this.#latest = moment
    this.#earliestSecond = Math.min(this.#earliestSecond, second)
    if (second <= this.#latestSecond) return
    this.#latestSecond = second
    const since = this.sinceSecond ?? 0
    if (this.#bytes > SHORT_LOG) for (const each of this.#seconds.keys()) if (each < since) this.#seconds.delete(each)
  }

  /** What comes once more when the log is read from `sinceSecond` on; undefined before the first line. */
  expected(): Expected | undefined {
    const since = this.sinceSecond
    if (since === undefined) return undefined
    const again = [...this.#seconds].filter(([second]) => second >= since).map(([, lines]) => lines)
    const [first] = again.toSorted((a, b) => a.number - b.number)
    const count = again.reduce((sum, lines) => sum + lines.count, 0)
    const latest = this.#isTail ? momentOf(this.#latestSecond + SLACK_SECONDS) : this.#latest
    return { first: first?.first ?? '', last: this.#last, count, latest }
  }
}

/** What a line is while a log is read once more. */
export type Verdict =
  /** It was handed on. */
  | 'old'
  /** It is the last of those that were. */
  | 'last'
  | 'new'
  /** The lines that come next will show it. */
  | 'unknown'

/** Distinguishes lines that come again from new ones, also where the kubelet has rotated some or all of the old ones away. */
export class CatchUp {
  readonly #expected: Expected
  /** Old lines that are still to come; undefined until the first is found. */
  #left: number | undefined

  constructor(expected: Expected) {
    this.#expected = expected
  }

  judge({ id, moment }: LineMark): Verdict {
    const { first, last, count, latest } = this.#expected
    if (this.#left === undefined && id === first) this.#left = count
    if (this.#left !== undefined) {
      this.#left -= 1
      return this.#left > 0 ? 'old' : 'last'
    }
    if (id === last) return 'last'
    return moment > latest ? 'new' : 'unknown'
  }
}
