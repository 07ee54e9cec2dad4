import { hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Clock } from '../kube/runtime/clock.ts'
import type { Log } from '../kube/runtime/logger.ts'
import type { Caller } from './token-review.ts'

/** Hash of a token or a long question, as a cache key: short, and not secret. */
export function digest(text: string): string {
  return hash('sha256', text, 'base64')
}

/** How long the content counts before the file is read again. */
const RELOAD_MS = 2000

/**
 * The callers of a static token file, in the API server's CSV format: `token,user,uid,"group1,group2"`. The file is
 * read again when it changes; after an unreadable or invalid change, the last good content stays in force.
 * Tokens are looked up by their hash, so that the duration of a lookup reveals nothing about them.
 */
export class StaticTokens {
  readonly #path: string
  readonly #clock: Clock
  readonly #log: Log
  #callers: ReadonlyMap<string, Caller> = new Map()
  #text: string | undefined
  #readAtMs = Number.NEGATIVE_INFINITY
  #reading: Promise<void> | undefined

  constructor(path: string, { clock, log }: { clock: Clock; log: Log }) {
    this.#path = path
    this.#clock = clock
    this.#log = log
  }

  /** Returns the caller who holds a token, if any. */
  async callerOf(token: string): Promise<Caller | undefined> {
    if (this.#clock.monotonicMs() - this.#readAtMs >= RELOAD_MS) await (this.#reading ??= this.#reload())
    return this.#callers.get(digest(token))
  }

  async #reload(): Promise<void> {
    try {
      const text = await readFile(this.#path, 'utf8')
      if (text !== this.#text) this.#callers = parseTokens(text)
      this.#text = text
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      this.#log.error({ file: this.#path, why }, 'token file cannot be used')
    } finally {
      this.#readAtMs = this.#clock.monotonicMs()
      this.#reading = undefined
    }
  }
}

/** Parses a token file. Throws on an invalid line, with its number and never its content. */
export function parseTokens(text: string): Map<string, Caller> {
  const callers = new Map<string, Caller>()
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const [token = '', user = '', uid = '', groups = ''] = cells(line)
    if (token === '' || user === '' || uid === '')
      throw new Error(`line ${index + 1}: token, user and uid are required`)
    callers.set(digest(token), { user, uid, groups: groups.split(',').filter((group) => group !== '') })
  }
  return callers
}

/** The cells of one CSV line (RFC 4180): commas may be quoted, and a doubled quote is a literal one. */
function cells(line: string): string[] {
  return [...line.matchAll(/(?:^|,)\s*(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain = '']) =>
    (quoted?.replaceAll('""', '"') ?? plain).trim(),
  )
}
