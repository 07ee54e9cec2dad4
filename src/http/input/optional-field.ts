import type { Schema } from '../../api/schema.ts'
import { isBlank } from './blank-text.ts'

// Clients encode unknown values in different ways. In a body, an optional field that is null, or text that is empty or
// blank, means the same as an absent field.

/** The schema of a field that may also be null. */
export function orNull(schema: Schema): Omit<Schema, 'type'> & { type: readonly string[] } {
  return { ...schema, type: [schema.type, 'null'] }
}

/** The value of an optional field; undefined for null and for empty or blank text. */
export function given<T>(value: T | null | undefined): T | undefined {
  if (value === null || value === undefined) return undefined
  return typeof value === 'string' && isBlank(value) ? undefined : value
}
