/** A JSON object with unknown fields. */
export type Json = Record<string, unknown>

/** Whether a value is a JSON object. */
export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A copy of a JSON object; an empty object for any other value. */
export function record(value: unknown): Json {
  return isJson(value) ? { ...value } : {}
}

/** The items of a list; none for any other value. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** Whether a field is unset: Kubernetes treats null as absent. */
export function isSilent(value: unknown): boolean {
  return value === undefined || value === null
}

/**
 * An object with defaults for its unset fields; an unset value becomes the defaults, if there are any. A value that is
 * not an object stays unchanged, for the API server to reject.
 */
export function fill(own: unknown, defaults: Json): unknown {
  if (Object.keys(defaults).length === 0) return own
  if (isSilent(own)) return defaults
  if (!isJson(own)) return own
  const missing = Object.entries(defaults).filter(([field]) => isSilent(own[field]))
  return { ...defaults, ...own, ...Object.fromEntries(missing) }
}
