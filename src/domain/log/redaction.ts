import { RE2JS } from 're2js'

/** What replaces a secret. */
const REDACTED = '[redacted]'

/**
 * Shapes of common tokens. Every quantifier is bounded or starts where no other match of the pattern can, so that no line
 * takes more than linear time.
 */
const TOKENS: readonly [pattern: RegExp, replacement: string][] = [
  // GitHub: personal, OAuth, user, server and refresh tokens.
  [/(?<![A-Za-z0-9_])(?:gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{20,255})/g, REDACTED],
  // AWS: access key ids, and secrets by their name.
  [/(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])/g, REDACTED],
  [
    /((?:aws_?)?secret_?(?:access_?)?key["']?\s{0,3}[=:]\s{0,3}["']?)[A-Za-z0-9/+=]{40}(?![A-Za-z0-9/+=])/gi,
    `$1${REDACTED}`,
  ],
  // JSON web tokens, signed or encrypted.
  [/(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*){1,3}/g, REDACTED],
  // HTTP credentials.
  [/(\bauthorization["']?\s{0,3}[:=]\s{0,3}["']?(?:basic|bearer|token|digest)\s{1,3})[^\s"',;]{4,}/gi, `$1${REDACTED}`],
  [/(\bbearer\s{1,3})[A-Za-z0-9._~+/-]{16,}={0,2}/gi, `$1${REDACTED}`],
  // User and password in a URL.
  [/(?<=:\/\/)[^\s/@:]{0,256}:[^\s/@]{1,512}(?=@)/g, REDACTED],
  // npm, GitLab, Slack, Google, Stripe.
  [/(?<![A-Za-z0-9_-])(?:npm_[A-Za-z0-9]{36}|glpat-[A-Za-z0-9_-]{20,64}|AIza[A-Za-z0-9_-]{35})/g, REDACTED],
  [/(?<![A-Za-z0-9_-])(?:xox[abeoprs]-[A-Za-z0-9-]{10,255}|[rs]k_live_[A-Za-z0-9]{16,255})/g, REDACTED],
]

/** Whether a line may contain one of the tokens: most lines do not, and one look is cheaper than ten. */
const MAY_HAVE_TOKEN =
  /gh[pousr]_|github_pat_|AKIA|ASIA|ABIA|ACCA|secret_?(?:access_?)?key|eyJ|authorization|bearer|:\/\/[^\s/@:]{0,256}:|npm_|glpat-|AIza|xox|k_live_|PRIVATE KEY/i

const KEY_BEGINS = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/
const KEY_ENDS = /-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/

/** A private key has some fifty lines; without its end the rest of a log is not taken for one. */
const LONGEST_KEY_LINES = 250

/** Compiled patterns of the configuration. They run in linear time, whatever they are. */
export type Patterns = readonly RE2JS[]

/** Compiles patterns in the syntax of RE2; throws an Error that names the invalid one. */
export function compilePatterns(patterns: readonly string[]): Patterns {
  return patterns.map((pattern) => {
    let compiled: RE2JS
    try {
      // Lines are read as bytes: what is not ASCII in a pattern matches its bytes in UTF-8.
      compiled = RE2JS.compile(Buffer.from(pattern).toString('latin1'))
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      throw new Error(`${JSON.stringify(pattern)}: ${why}`, { cause: error })
    }
    if (compiled.matcher('').find()) throw new Error(`${JSON.stringify(pattern)}: matches the empty text`)
    return compiled
  })
}

/** Redacts the lines of one log, in their order: a private key has several. */
export class Redactor {
  readonly #patterns: Patterns
  #keyLines = 0

  constructor(patterns: Patterns = []) {
    this.#patterns = patterns
  }

  /** A line as it may be stored and shown. Its timestamp stays; what continues a line has none. */
  line(line: string, { continues = false } = {}): string {
    const textAt = continues ? 0 : line.indexOf(' ') + 1
    const text = line.slice(textAt)
    const clean = this.#text(text)
    return clean === text ? line : line.slice(0, textAt) + clean
  }

  #text(text: string): string {
    if (this.#keyLines > 0) return this.#ofKey(text)
    let clean = text
    if (MAY_HAVE_TOKEN.test(text)) {
      clean = this.#withoutKey(text)
      for (const [pattern, replacement] of TOKENS) clean = clean.replace(pattern, replacement)
    }
    for (const pattern of this.#patterns) clean = pattern.matcher(clean).replaceAll(REDACTED)
    return clean
  }

  #withoutKey(text: string): string {
    const begin = KEY_BEGINS.exec(text)
    if (begin === null) return text
    const after = text.slice(begin.index)
    const end = KEY_ENDS.exec(after)
    if (end === null) this.#keyLines = LONGEST_KEY_LINES
    const rest = end === null ? lineEnd(text) : this.#withoutKey(after.slice(end.index + end[0].length))
    return `${text.slice(0, begin.index)}${REDACTED}${rest}`
  }

  #ofKey(text: string): string {
    const end = KEY_ENDS.exec(text)
    this.#keyLines = end === null ? this.#keyLines - 1 : 0
    return end === null ? REDACTED + lineEnd(text) : REDACTED + this.#text(text.slice(end.index + end[0].length))
  }
}

function lineEnd(text: string): string {
  return /\r?\n?$/.exec(text)?.[0] ?? ''
}

const NEWLINE = 10
const BLANK = 32

/** Bytes of one line that wait for its end; of a longer line each piece is redacted for itself. */
const LONGEST_WAIT = 1024 * 1024

/** A long line is cut at a blank among so many of its last bytes, if there is one, so that no token is cut. */
const NEAR_END = 16 * 1024

/** The lines of a log without what must not be stored or shown, in pieces that end with a line. */
export async function* redacted(log: AsyncIterable<Uint8Array>, redactor: Redactor): AsyncGenerator<Buffer> {
  let begun: Buffer[] = []
  let waiting = 0
  let continues = false
  for await (const chunk of log) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    const end = bytes.lastIndexOf(NEWLINE) + 1
    if (end > 0) {
      yield redactLines(Buffer.concat([...begun, bytes.subarray(0, end)]), redactor, continues)
      begun = []
      waiting = 0
      continues = false
    }
    const rest = bytes.subarray(end)
    // A copy, so that a few bytes do not keep a whole chunk.
    if (rest.length > 0) begun.push(end > 0 ? Buffer.from(rest) : rest)
    waiting += rest.length
    if (waiting > LONGEST_WAIT) {
      const line = Buffer.concat(begun)
      const cut = Math.max(line.lastIndexOf(BLANK) + 1, line.length - NEAR_END)
      yield redactLines(line.subarray(0, cut), redactor, continues)
      begun = [Buffer.from(line.subarray(cut))]
      waiting = line.length - cut
      continues = true
    }
  }
  if (waiting > 0) yield redactLines(Buffer.concat(begun), redactor, continues)
}

/** latin1 keeps every byte, and the patterns are ASCII. */
function redactLines(bytes: Buffer, redactor: Redactor, continues: boolean): Buffer {
  const lines: string[] = []
  const text = bytes.toString('latin1')
  let isChanged = false
  for (let from = 0; from < text.length; ) {
    const end = text.indexOf('\n', from) + 1
    const line = end === 0 ? text.slice(from) : text.slice(from, end)
    const clean = redactor.line(line, { continues: continues && from === 0 })
    isChanged ||= clean !== line
    lines.push(clean)
    from += line.length
  }
  return isChanged ? Buffer.from(lines.join(''), 'latin1') : bytes
}
