/** A text that is not empty; else null. */
export function textOr(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

/** A time in milliseconds; null if it is none. */
export function timeOr(value: unknown): number | null {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isFinite(ms) ? ms : null
}
