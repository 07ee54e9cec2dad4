import { isJson, type Json } from '../api/json.ts'

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
