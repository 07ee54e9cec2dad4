import Anser from 'anser'

/** A part of a line in one style. */
export interface Span {
  text: string
  /** Names of classes of the style sheet. */
  classes: string
  /** Colours outside of the sixteen that have a class, as CSS. */
  colour?: string
  background?: string
}

/** One line of a log. */
export interface LogLine {
  /** Counted from 1. */
  number: number
  /** The time at which the node received it; empty if the line has none. */
  time: string
  /** The line without its time, as it came. */
  raw: string
  /** The colours that earlier lines left on. */
  carried: string
}

const timestamp = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z) ?/
// oxlint-disable-next-line no-control-regex -- these are the control characters of terminals
const sgr = /\u001B\[([\d;]*)m/g
/** Sequences that are no colours: of the cursor, titles, links. */
// oxlint-disable-next-line no-control-regex -- as above
const otherSequence = /\u001B(?:\[[\d;?]*[ -/]*[@-ln-~]|\][^\u0007\u001B]*(?:\u0007|\u001B\\)?|[@-Z\\^_])/g
// oxlint-disable-next-line no-control-regex -- as above
const control = /[\u0000-\u0008\u000B-\u001F\u007F]/g

/** Longest state of colours that is carried from line to line. */
const MOST_CARRIED = 64

/** Turns the text of a log, as it comes, into lines. */
export class LogReader {
  #rest = ''
  #number = 0
  #carried = ''

  /** The whole lines of what has come so far; a last line without its end waits for more. */
  take(text: string): LogLine[] {
    const parts = (this.#rest + text).split('\n')
    this.#rest = parts.pop() ?? ''
    return parts.map((part) => this.#line(part))
  }

  /** The last line, if it has no end. */
  end(): LogLine[] {
    const last = this.#rest
    this.#rest = ''
    return last === '' ? [] : [this.#line(last)]
  }

  #line(text: string): LogLine {
    const time = timestamp.exec(text)
    const raw = (time === null ? text : text.slice(time[0].length)).replace(/\r$/, '')
    this.#number += 1
    const line = { number: this.#number, time: time?.[1] ?? '', raw, carried: this.#carried }
    for (const [sequence, code = ''] of raw.matchAll(sgr)) {
      this.#carried = /^0*$/.test(code) ? '' : (this.#carried + sequence).slice(-MOST_CARRIED)
    }
    return line
  }
}

/** The text of a line without control sequences, as it is searched and shown. */
export function plainText({ raw }: Pick<LogLine, 'raw'>): string {
  return shown(raw).replaceAll(sgr, '').replaceAll(control, '')
}

/** The parts of a line in their colours. All of it is text: nothing is markup. */
export function spansOf({ raw, carried }: LogLine): Span[] {
  const text = carried + shown(raw)
  if (!text.includes('\u001B')) return [{ text: text.replaceAll(control, ''), classes: '' }]
  const parts = Anser.ansiToJson(text, { use_classes: true, remove_empty: true, json: true })
  return parts.map(({ content, fg, bg, fg_truecolor: fgTrue, bg_truecolor: bgTrue, decorations }) => {
    const colour = cssOf(fg, fgTrue)
    const background = cssOf(bg, bgTrue)
    const names = [fg, bg && `${bg}-bg`, ...decorations.map((decoration) => `ansi-${decoration}`)]
    return {
      text: content.replaceAll(control, ''),
      classes: names.filter(Boolean).join(' '),
      ...(colour !== undefined && { colour }),
      ...(background !== undefined && { background }),
    }
  })
}

/** The colour of a class that the style sheet does not have: one of the palette of 256, or any. */
function cssOf(name: string | null, rgb: string | null): string | undefined {
  if (name === 'ansi-truecolor' && rgb !== null) return `rgb(${rgb})`
  const index = Number(/^ansi-palette-(\d+)$/.exec(name ?? '')?.[1] ?? Number.NaN)
  if (!(index >= 16 && index < 256)) return undefined
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10
    return `rgb(${grey}, ${grey}, ${grey})`
  }
  const level = (part: number): number => (part % 6 === 0 ? 0 : 55 + (part % 6) * 40)
  const cube = index - 16
  return `rgb(${level(Math.floor(cube / 36))}, ${level(Math.floor(cube / 6))}, ${level(cube)})`
}

/** What a terminal would show: a carriage return starts the line again. */
function shown(raw: string): string {
  return raw.slice(raw.lastIndexOf('\r') + 1).replaceAll(otherSequence, '')
}
