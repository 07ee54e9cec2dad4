import type { Schema } from '../../api/schema.ts'
import { isBlank } from './blank-text.ts'

// Clients fill in what they do not know in their own ways. In a body, an optional field that is null means the same as
// one that is left out, and so does a text that is empty or blank.

/** The schema of a field that may also be null. */
export function orNull(schema: Schema): Omit<Schema, 'type'> & { type: readonly string[] } {
  return { ...schema, type: [schema.type, 'null'] }
}

/** The value of an optional field; undefined where it means nothing. */
export function given<T>(value: T | null | undefined): T | undefined {
  if (value === null || value === undefined) return undefined
  return typeof value === 'string' && isBlank(value) ? undefined : value
}
