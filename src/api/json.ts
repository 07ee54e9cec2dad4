/** A JSON object with unknown fields. */
export type Json = Record<string, unknown>

/** Whether a value is a JSON object. */
export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The fields of a JSON object; none for any other value. */
export function fieldsOf(value: unknown): Json {
  return isJson(value) ? value : {}
}

/** The elements of a JSON array; none for any other value. */
export function elementsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** JSON as a value; undefined for a text that is none. The parser's own error would quote the text. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
