/** The fields of a JSON object; none for anything else. */
export function fieldsOf(value: unknown): Record<string, unknown> {
  return isObject(value) ? value : {}
}

/** The elements of a JSON array; none for anything else. */
export function elementsOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

/** JSON as a value; undefined for a text that is none. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A text that is not empty; else null. */
export function textOr(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

/** A time in milliseconds; null if it is none. */
export function timeOr(value: unknown): number | null {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isFinite(ms) ? ms : null
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
