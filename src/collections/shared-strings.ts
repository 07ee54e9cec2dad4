import { atLeastOne } from './bounds.ts'

/** V8 keeps one copy of strings up to this length itself when it parses JSON. */
const LONGEST_SHARED_BY_V8 = 10

/**
 * Keeps one copy of strings that repeat in objects parsed from JSON, where each has its own. It remembers those used
 * lately: between one and two times the limit.
 */
export class SharedStrings {
  readonly #limit: number
  #recent = new Map<string, string>()
  #earlier: ReadonlyMap<string, string> = new Map()

  constructor(limit: number) {
    this.#limit = atLeastOne('the limit of strings', limit)
  }

  /** Replaces the strings in a parsed object, and in what it contains, by equal ones that are shared. Returns the object. */
  within<T extends object>(parsed: T): T {
    this.#share(parsed)
    return parsed
  }

  #share(parsed: object): void {
    for (const name in parsed) {
      const value: unknown = Reflect.get(parsed, name)
      if (typeof value === 'string') Reflect.set(parsed, name, this.#shared(value))
      else if (typeof value === 'object' && value !== null) this.#share(value)
    }
  }

  #shared(text: string): string {
    if (text.length <= LONGEST_SHARED_BY_V8) return text
    const known = this.#recent.get(text)
    if (known !== undefined) return known
    const copy = this.#earlier.get(text) ?? text
    if (this.#recent.size >= this.#limit) {
      this.#earlier = this.#recent
      this.#recent = new Map()
    }
    this.#recent.set(copy, copy)
    return copy
  }
}
