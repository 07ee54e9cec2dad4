import type { Schema } from './schema.ts'

/** Seconds that a stage of a job may take. */
export function deadline<const D extends string>(description: D) {
  return { type: 'integer', description, format: 'int64', minimum: 1, maximum: 2_592_000 } as const satisfies Schema
}
