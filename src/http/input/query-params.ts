import { repository as repositoryField, REPOSITORY_PATTERN } from '../../api/fields.ts'
import type { Schema } from '../../api/schema.ts'
import { badRequest } from '../http-error.ts'

/** The query parameters of a request, not yet parsed. */
export type Query = Readonly<Record<string, string | string[] | undefined>>

/** A parameter that must not be repeated. */
export function singleParam(query: Query, name: string): string | undefined {
  const value = query[name]
  if (typeof value === 'object') throw badRequest(`${name} must be given only once`)
  return value
}

/** Schemas of the parameters that several lists share, as in the OpenAPI document. */
export const sharedParameters = {
  page: { type: 'integer', description: 'Page number.', minimum: 1, default: 1 },
  repository: { ...repositoryField, description: 'Only those of this repository; case is ignored.' },
} as const satisfies Record<string, Schema>

/** A whole number within the bounds of its schema. */
export function intParam(
  query: Query,
  name: string,
  { minimum, maximum, default: fallback }: { minimum: number; maximum: number; default: number },
): number {
  const text = singleParam(query, name)
  if (text === undefined) return fallback
  const number = Number(text)
  if (/^\d{1,10}$/.test(text) && number >= minimum && number <= maximum) return number
  throw badRequest(`${name} must be a whole number from ${minimum} to ${maximum}`)
}

/** One of a few values; case matters. */
export function enumParam<T extends string>(query: Query, name: string, values: readonly T[]): T | undefined {
  const text = singleParam(query, name)
  const known = values.find((candidate) => candidate === text)
  if (text !== undefined && known === undefined) throw badRequest(`${name} must be one of ${values.join(', ')}`)
  return known
}

const repositoryPattern = new RegExp(REPOSITORY_PATTERN, 'u')

/** The parameter `repository`, in the caller's case. */
export function repositoryParam(query: Query): string | undefined {
  const repository = singleParam(query, 'repository')
  if (repository === undefined) return undefined
  const { maxLength } = sharedParameters.repository
  if (repository.length > maxLength) throw badRequest(`repository must not be longer than ${maxLength} characters`)
  if (!repositoryPattern.test(repository)) throw badRequest('repository must be owner/repo')
  return repository
}

/** A whole number without a maximum; values above MAX_SAFE_INTEGER count as that. */
export function uintParam(query: Query, name: string, { minimum }: { minimum: number }): number | undefined {
  const text = singleParam(query, name)
  if (text === undefined) return undefined
  const number = Math.min(Number(text), Number.MAX_SAFE_INTEGER)
  if (/^\d+$/.test(text) && number >= minimum) return number
  throw badRequest(`${name} must be a whole number of at least ${minimum}`)
}

/** The parameter `page`. Pages count from 1; pages beyond the last are empty. */
export function pageParam(query: Query): number {
  const { page } = sharedParameters
  return uintParam(query, 'page', page) ?? page.default
}
