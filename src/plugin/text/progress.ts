import { spanOf } from './span.ts'
import { plain } from './plain.ts'
import type { Host } from '../host.ts'

const CLEAR_LINE = '\r\u001b[K'

/** One line on a terminal about what the program waits for, with the time since it began. Elsewhere it is silent. */
export class Progress {
  readonly #host: Host
  readonly #beganMs: number
  #text: string | undefined
  #cancel: () => void = () => {}

  constructor(host: Host) {
    this.#host = host
    this.#beganMs = host.clock.monotonicMs()
  }

  /** Shows another text. */
  show(text: string): void {
    if (!this.#host.err.isTerminal) return
    this.#text = plain(text)
    this.#draw()
  }

  /** Removes the line, before other output. */
  clear(): void {
    if (this.#text === undefined) return
    this.#cancel()
    this.#text = undefined
    void this.#host.err.write(CLEAR_LINE)
  }

  #draw(): void {
    this.#cancel()
    const { err, clock } = this.#host
    const line = `${spanOf(clock.monotonicMs() - this.#beganMs)} ${this.#text ?? ''}`
    void err.write(`${CLEAR_LINE}${line.slice(0, Math.max(err.columns - 1, 20))}`)
    this.#cancel = clock.setTimer(() => this.#draw(), 1000)
  }
}
