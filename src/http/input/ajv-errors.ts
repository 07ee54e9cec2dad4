import type { ErrorObject } from 'ajv'

/** What is wrong with a body, field by field; a field that may be one of several types is told once. */
export function describeAjvErrors(errors: readonly ErrorObject[]): string {
  const alternatives = errors.filter(({ keyword }) => keyword === 'anyOf').map(({ instancePath }) => instancePath)
  const told = errors.filter(({ keyword, instancePath }) => keyword === 'anyOf' || !alternatives.includes(instancePath))
  const lines = new Set(told.map(describeError))
  return [...lines].slice(0, 10).join('; ')
}

function describeError({ instancePath, keyword, message, params }: ErrorObject): string {
  if (keyword === 'required') return `${String(params['missingProperty'])} is required`
  const field = instancePath
    .slice(1)
    .replaceAll(/\/(\d+)/g, '[$1]')
    .replaceAll('/', '.')
  if (keyword === 'pattern') return `${field} ${patternHints[field] ?? 'must not hold control characters'}`
  return `${field === '' ? 'body' : field} ${demands[keyword]?.(params) ?? message ?? keyword}`
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
  type: ({ type }: Params) => typeNames[String(type)],
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
}
