import type { ErrorObject } from 'ajv'
import { isBlank } from './blank-text.ts'

/**
 * What is wrong with a body, field by field; a field that may be one of several types is named once. The errors are those
 * of a verbose Ajv, which hold the values.
 */
export function describeAjvErrors(errors: readonly ErrorObject[], whole = 'body'): string {
  const alternatives = errors.filter(({ keyword }) => keyword === 'anyOf').map(({ instancePath }) => instancePath)
  const told = errors.filter(({ keyword, instancePath }) => keyword === 'anyOf' || !alternatives.includes(instancePath))
  const lines = new Set(told.map((error) => describeError(error, whole)))
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

/** What the patterns of ordinary text ask for. */
function patternDemand(data: unknown): string {
  return data === '' ? 'must not be empty' : 'must not hold control characters'
}

/** An empty text is another matter. */
function isBlankText(data: unknown): boolean {
  return typeof data === 'string' && data !== '' && isBlank(data)
}

type Params = ErrorObject['params']

/** What a keyword of JSON Schema asks for, in words. */
const demands: Readonly<Record<string, (params: Params) => string | undefined>> = {
  anyOf: () =>
    `must be a text that is not empty, or a whole number from 0 to ${Number.MAX_SAFE_INTEGER}; send a larger one as text`,
  enum: ({ allowedValues }: Params) => `must be one of ${String(allowedValues).replaceAll(',', ', ')}`,
  maxItems: ({ limit }: Params) => `must not have more than ${String(limit)} items`,
  maxLength: ({ limit }: Params) => `must not be longer than ${String(limit)} characters`,
  maximum: ({ limit }: Params) => `must be ${String(limit)} or less`,
  minLength: () => 'must not be empty',
  minimum: ({ limit }: Params) => `must be ${String(limit)} or more`,
  // Of several types the first is the field's own; the others are what is taken in its place.
  type: ({ type }: Params) => typeNames[String(type).split(',')[0] ?? ''],
}

const typeNames: Readonly<Record<string, string>> = {
  object: 'must be a JSON object',
  array: 'must be a list',
  string: 'must be a text',
  integer: 'must be a whole number',
  boolean: 'must be true or false',
}

const patternHints: Readonly<Record<string, string>> = {
  repository: 'must be owner/repo',
  sha: 'must be 6 to 64 hex digits',
  runAttempt: 'must be a whole number from 1 to 10000',
}
