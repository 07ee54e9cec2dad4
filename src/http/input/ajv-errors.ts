import type { ErrorObject } from 'ajv'
import { isBlank } from './blank-text.ts'

/**
 * What is wrong with a body, field by field; a field of several types is named once. The errors must come from a verbose
 * Ajv, since they then hold the values.
 */
export function describeAjvErrors(errors: readonly ErrorObject[], whole = 'body'): string {
  const alternatives = errors.filter(({ keyword }) => keyword === 'anyOf').map(({ instancePath }) => instancePath)
  const shown = errors.filter(
    ({ keyword, instancePath }) => keyword === 'anyOf' || !alternatives.includes(instancePath),
  )
  const lines = new Set(shown.map((error) => describeError(error, whole)))
  return [...lines].slice(0, 10).join('; ')
}

function describeError({ instancePath, keyword, message, params, data }: ErrorObject, whole: string): string {
  if (keyword === 'required') return `${String(params['missingProperty'])} is required`
  const path = instancePath
    .slice(1)
    .replaceAll(/\/(\d+)/g, '[$1]')
    .replaceAll('/', '.')
  const field = path === '' ? whole : path
  if (['pattern', 'anyOf'].includes(keyword) && isBlankText(data)) return `${field} must not be blank`
  if (keyword === 'pattern') return `${field} ${patternHints[field] ?? patternDemand(data)}`
  return `${field} ${demands[keyword]?.(params) ?? message ?? keyword}`
}

/** The requirement that text breaks when it does not match the pattern of ordinary text. */
function patternDemand(data: unknown): string {
  return data === '' ? 'must not be empty' : 'must not contain control characters'
}

/** Whether a value is text of blanks only; empty text has another message. */
function isBlankText(data: unknown): boolean {
  return typeof data === 'string' && data !== '' && isBlank(data)
}

type Params = ErrorObject['params']

/** The requirement of each JSON Schema keyword, in words. */
const demands: Readonly<Record<string, (params: Params) => string | undefined>> = {
  anyOf: () =>
    `must be a non-empty string or a whole number from 0 to ${Number.MAX_SAFE_INTEGER}; send a larger one as a string`,
  enum: ({ allowedValues }: Params) => `must be one of ${String(allowedValues).replaceAll(',', ', ')}`,
  maxItems: ({ limit }: Params) => `must not have more than ${String(limit)} items`,
  maxLength: ({ limit }: Params) => `must not be longer than ${String(limit)} characters`,
  maximum: ({ limit }: Params) => `must be ${String(limit)} or less`,
  minLength: () => 'must not be empty',
  minimum: ({ limit }: Params) => `must be ${String(limit)} or more`,
  // Of several types the first is the field's own; the others are accepted in its place.
  type: ({ type }: Params) => typeNames[String(type).split(',')[0] ?? ''],
}

const typeNames: Readonly<Record<string, string>> = {
  object: 'must be a JSON object',
  array: 'must be a list',
  string: 'must be a string',
  integer: 'must be a whole number',
  boolean: 'must be true or false',
}

const patternHints: Readonly<Record<string, string>> = {
  repository: 'must be owner/repo',
  sha: 'must be 6 to 64 hex digits',
  runAttempt: 'must be a whole number from 1 to 10000',
}
