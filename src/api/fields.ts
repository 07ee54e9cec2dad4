import type { Schema } from './schema.ts'
import { REASON_PATTERN } from './reasons.ts'

// Field schemas that several kinds and the REST facade share. Patterns are written for RE2 (the API server), for
// ECMAScript with the u flag (ajv) and without it, and for Python, whose tools read the OpenAPI document: plain ranges of
// characters, no classes of Unicode, no look-around.

/** The control characters, for use between brackets. */
export const CONTROLS = '\\x00-\\x1f\\x7f-\\x9f'

/** Any text without control characters. */
const TEXT = `^[^${CONTROLS}]*$`

// A part may not be "." or "..": it starts with a letter, digit, underscore or dash, or with dots and goes on.
const REPOSITORY_PART = '([A-Za-z0-9_-][A-Za-z0-9_.-]*|\\.[A-Za-z0-9_-][A-Za-z0-9_.-]*|\\.\\.[A-Za-z0-9_.-]+)'
export const REPOSITORY_PATTERN = `^${REPOSITORY_PART}/${REPOSITORY_PART}$`

export const repository = {
  type: 'string',
  description: 'Repository of the job, as owner/name.',
  pattern: REPOSITORY_PATTERN,
  maxLength: 140,
} as const satisfies Schema

export const labels = {
  type: 'array',
  maxItems: 64,
  'x-kubernetes-list-type': 'atomic',
  items: { type: 'string', description: 'One label.', minLength: 1, maxLength: 256, pattern: TEXT },
} as const satisfies Schema

export const reason = {
  type: 'string',
  description: 'One word for why the phase is what it is, such as PoolFull, ExitCode or OOMKilled.',
  pattern: REASON_PATTERN,
} as const satisfies Schema

export const message = {
  type: 'string',
  description: 'The same for people: what happened, or what would unblock it.',
  maxLength: 1024,
} as const satisfies Schema

/** Text of limited length, given by callers. */
export function text<const M extends number>(maxLength: M, description: string) {
  return { type: 'string', description, maxLength, pattern: TEXT } as const satisfies Schema
}

/** Like `text`, but not empty. */
export function nonEmptyText<const M extends number>(maxLength: M, description: string) {
  return { ...text(maxLength, description), minLength: 1 } as const satisfies Schema
}

/** The name or id of a Kubernetes object, or an id that a kubelet reports. */
export function name<const D extends string>(description: D) {
  return { type: 'string', description, maxLength: 253 } as const satisfies Schema
}

/** RFC 3339 as JavaScript reads it. The API server's own check of date-time also passes a comma, or an offset of 99 hours. */
const TIME =
  '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$'

/** An RFC 3339 time. */
export function time<const D extends string>(description: D) {
  return { type: 'string', description, format: 'date-time', pattern: TIME, maxLength: 35 } as const satisfies Schema
}

export const conditions = {
  type: 'array',
  description: 'Standard conditions, for kubectl wait and for tools.',
  maxItems: 16,
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['type'],
  items: {
    type: 'object',
    description: 'One condition.',
    required: ['type', 'status', 'reason', 'message', 'lastTransitionTime'],
    properties: {
      type: { type: 'string', description: 'Kind of condition.', maxLength: 64 },
      status: { type: 'string', description: 'Whether it holds.', enum: ['True', 'False', 'Unknown'] },
      reason,
      message,
      lastTransitionTime: time('When it last changed.'),
      observedGeneration: { type: 'integer', description: 'metadata.generation it was judged by.', format: 'int64' },
    },
  },
} as const satisfies Schema
