import { StringDecoder } from 'node:string_decoder'
import type { Output } from '../host.ts'
import { logLine, RESET } from '../text/plain.ts'

export interface LogStyle {
  timestamps: boolean
  keepsColours: boolean
}

/** Bytes of a line without an end that are buffered; a longer line is printed in pieces. */
const LONGEST_LINE = 1024 * 1024

const TIMESTAMP = /^\d{4}-\d{2}-\d{2}T\S+ ?/

/** Prints the lines of a log as they come, with their colours and no other control sequence. */
export class LogPrinter {
  readonly #out: Output
  readonly #style: LogStyle
  readonly #decoder = new StringDecoder('utf8')
  #begun = ''
  #isColoured = false
  /** The beginning of the line, with its timestamp, is printed already. */
  #isContinued = false

  constructor(out: Output, style: LogStyle) {
    this.#out = out
    this.#style = style
  }

  async write(bytes: Buffer): Promise<void> {
    const lines = (this.#begun + this.#decoder.write(bytes)).split('\n')
    this.#begun = lines.pop() ?? ''
    const whole = lines.map((line) => `${this.#shown(line)}\n`).join('')
    await this.#print(this.#begun.length > LONGEST_LINE ? whole + this.#piece() : whole)
  }

  /** Prints a last line without an end, and ends the colours of a terminal. */
  async end(): Promise<void> {
    const last = this.#begun + this.#decoder.end()
    this.#begun = ''
    await this.#print(last === '' ? '' : `${this.#shown(last)}\n`)
    if (this.#isColoured && this.#out.isTerminal) await this.#out.write(RESET)
  }

  #piece(): string {
    const piece = this.#shown(this.#begun)
    this.#begun = ''
    this.#isContinued = true
    return piece
  }

  #shown(line: string): string {
    const isBeginning = !this.#isContinued
    this.#isContinued = false
    return logLine(
      isBeginning && !this.#style.timestamps ? line.replace(TIMESTAMP, '') : line,
      this.#style.keepsColours,
    )
  }

  async #print(text: string): Promise<void> {
    if (text === '') return
    this.#isColoured ||= text.includes('\u001b')
    await this.#out.write(text)
  }
}
