const ESC = String.fromCharCode(0x1b)
const CSI = String.fromCharCode(0x9b)
const BEL = String.fromCharCode(0x07)
const ST = String.fromCharCode(0x9c)

/** Control characters, line separators, and characters that change the direction of the text around them. */
const controls = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu

/**
 * A text from outside as one line that a terminal only shows: a control character appears as its name, so that no text
 * can move the cursor, change colours, or look like other text.
 */
export function plain(text: string): string {
  if (/^[ -~]*$/.test(text)) return text
  return text.replaceAll(/\s*[\r\n\t]+\s*/g, ' ').replaceAll(controls, nameOf)
}

function nameOf(character: string): string {
  const code = character.codePointAt(0) ?? 0
  if (code < 0x20) return `^${String.fromCharCode(code + 0x40)}`
  return `<U+${code.toString(16).toUpperCase().padStart(4, '0')}>`
}

/** Sequences that begin with an escape: with parameters, with a text until its end, and the short ones. */
const sequences = new RegExp(
  [
    `(?:${ESC}\\[|${CSI})[0-?]*[ -/]*[@-~]?`,
    `${ESC}[PX^_\\]][^${BEL}${ST}${ESC}]*(?:${BEL}|${ST}|${ESC}\\\\)?`,
    `${ESC}[ -/]*[0-~]?`,
  ].join('|'),
  'g',
)
const colour = new RegExp(`^${ESC}\\[[\\d;:]*m$`)
const others = /(?!\t)\p{Cc}/gu

/** A line of a log, without its end: its colours stay if they are wanted, and no other control sequence does. */
export function logLine(line: string, keepsColours: boolean): string {
  const text = line.replaceAll(/\r+$/g, '').replaceAll('\r', ' ')
  let clean = ''
  let at = 0
  for (const { 0: sequence, index } of text.matchAll(sequences)) {
    clean += text.slice(at, index).replaceAll(others, '')
    if (keepsColours && colour.test(sequence)) clean += sequence
    at = index + sequence.length
  }
  return clean + text.slice(at).replaceAll(others, '')
}

/** Ends all colours. */
export const RESET = `${ESC}[0m`
