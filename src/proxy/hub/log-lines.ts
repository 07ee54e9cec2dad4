import { StringDecoder } from 'node:string_decoder'

/** The Listener keeps lines of stdout that begin like this out of a job's annotation. */
export const LINE_PREFIX = '[WORKER runnerhub] '

/** Longest line that is held until it is whole. */
const LONGEST = 256 * 1024

/** A text as lines for stdout. The Listener also takes a lone carriage return for the end of a line. */
export function asLines(text: string): string {
  return text
    .split(/\r\n|\r|\n/)
    .map((line) => `${LINE_PREFIX}${line}\n`)
    .join('')
}

/**
 * Makes lines for stdout of a job's log, which starts over each time that it is opened: each line once. Every line of it
 * begins with the time at which the node took it, which is left out.
 */
export class LogLines {
  #decoder = new StringDecoder('utf8')
  #rest = ''
  /** Time of the last line that was shown, and how many were shown of that time. */
  #last = { time: '', count: 0 }
  /** How many of that time have come since the log was opened. */
  #seen = 0

  /** The log begins again. */
  reopened(): void {
    this.#decoder = new StringDecoder('utf8')
    this.#rest = ''
    this.#seen = 0
  }

  /** The new lines of a piece of the log. */
  take(piece: Buffer): string {
    const lines = `${this.#rest}${this.#decoder.write(piece)}`.split('\n')
    this.#rest = lines.pop() ?? ''
    if (this.#rest.length > LONGEST) {
      lines.push(this.#rest)
      this.#rest = ''
    }
    return lines.map((line) => this.#show(line)).join('')
  }

  /** The last line, where it has no end. */
  end(): string {
    const rest = `${this.#rest}${this.#decoder.end()}`
    this.#rest = ''
    return rest === '' ? '' : this.#show(rest)
  }

  #show(line: string): string {
    const [, time, text = line] =
      /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)(?:Z|[+-]\d\d:\d\d) (.*)$/s.exec(line) ?? []
    return time === undefined || this.#isNew(time) ? asLines(text.replace(/\r$/, '')) : ''
  }

  #isNew(time: string): boolean {
    if (time > this.#last.time) {
      this.#last = { time, count: 1 }
      this.#seen = 1
      return true
    }
    if (time < this.#last.time) return false
    this.#seen += 1
    if (this.#seen <= this.#last.count) return false
    this.#last.count += 1
    return true
  }
}
