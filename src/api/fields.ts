import type { Schema } from './schema.ts'
import { REASON_PATTERN } from './reasons.ts'

// Field schemas that several kinds and the REST facade share. Patterns work in RE2 (the API server), in ECMAScript with
// the u flag (ajv) and without it, and in Python, whose tools read the OpenAPI document: plain ranges of characters, no
// Unicode classes, no look-around.

/** The control characters, for use between brackets. */
export const CONTROLS = '\\x00-\\x1f\\x7f-\\x9f'

/** Any text without control characters. */
const TEXT = `^[^${CONTROLS}]*$`

// A part must not be "." or "..": it starts with a letter, digit, underscore or dash, or has more after its dots.
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
  description: 'Reason as one word, such as PoolFull, ExitCode or OOMKilled.',
  pattern: REASON_PATTERN,
} as const satisfies Schema

export const message = {
  type: 'string',
  description: 'Message for people: what happened, or what unblocks the job.',
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

/** RFC 3339 as JavaScript parses it. The API server's date-time check also accepts a comma, or an offset of 99 hours. */
const TIME =
  '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$'

/** An RFC 3339 time. */
export function time<const D extends string>(description: D) {
  return { type: 'string', description, format: 'date-time', pattern: TIME, maxLength: 35 } as const satisfies Schema
}

/** Highest priority of a job, and with a minus the lowest. */
const MAX_PRIORITY = 100

/** The priority of a job. */
export function priority<const D extends string>(description: D) {
  return {
    type: 'integer',
    description,
    format: 'int32',
    minimum: -MAX_PRIORITY,
    maximum: MAX_PRIORITY,
  } as const satisfies Schema
}

/** Where a job stood in its pool's order when it got its slot. */
export const turn = {
  type: 'object',
  description: 'Where the job stood in the order of its pool when it got its slot. It orders the jobs after it.',
  required: ['priority', 'start'],
  properties: {
    priority: priority('Priority of the job.'),
    start: {
      type: 'integer',
      description: 'Start tag of start-time fair queueing, in millionths of a job.',
      format: 'int64',
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
    },
  },
} as const satisfies Schema

export const conditions = {
  type: 'array',
  description: 'Standard conditions, for kubectl wait and other tools.',
  maxItems: 16,
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['type'],
  items: {
    type: 'object',
    description: 'One condition.',
    required: ['type', 'status', 'reason', 'message', 'lastTransitionTime'],
    properties: {
      type: { type: 'string', description: 'Type of the condition.', maxLength: 64 },
      status: { type: 'string', description: 'Whether the condition holds.', enum: ['True', 'False', 'Unknown'] },
      reason,
      message,
      lastTransitionTime: time('Time of the last change of status or reason.'),
      observedGeneration: {
        type: 'integer',
        description: 'metadata.generation that the condition was computed from.',
        format: 'int64',
      },
    },
  },
} as const satisfies Schema
