import { repository as repositoryField, REPOSITORY_PATTERN } from '../../api/fields.ts'
import type { Schema } from '../../api/schema.ts'
import { badRequest } from '../http-error.ts'

/** The parameters of a request, as they came. */
export type Query = Readonly<Record<string, string | string[] | undefined>>

/** A parameter that may be given once. */
export function singleParam(query: Query, name: string): string | undefined {
  const value = query[name]
  if (typeof value === 'object') throw badRequest(`${name} may be given once`)
  return value
}

/** Schemas of parameters that several lists have; they are what the OpenAPI document shows. */
export const sharedParameters = {
  page: { type: 'integer', description: 'Number of the page.', minimum: 1, default: 1 },
  repository: { ...repositoryField, description: 'Only those of this repository, in upper or lower case.' },
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

/** One of a few words; upper and lower case matter. */
export function enumParam<T extends string>(query: Query, name: string, words: readonly T[]): T | undefined {
  const text = singleParam(query, name)
  const known = words.find((candidate) => candidate === text)
  if (text !== undefined && known === undefined) throw badRequest(`${name} must be one of ${words.join(', ')}`)
  return known
}

const repositoryPattern = new RegExp(REPOSITORY_PATTERN, 'u')

/** The parameter `repository`, as it was written. */
export function repositoryParam(query: Query): string | undefined {
  const repository = singleParam(query, 'repository')
  if (repository === undefined) return undefined
  const { maxLength } = sharedParameters.repository
  if (repository.length > maxLength) throw badRequest(`repository must not be longer than ${maxLength} characters`)
  if (!repositoryPattern.test(repository)) throw badRequest('repository must be owner/repo')
  return repository
}

/** A whole number with no highest: of those that a number cannot hold exactly, each is as good as the last that it can. */
export function uintParam(query: Query, name: string, { minimum }: { minimum: number }): number | undefined {
  const text = singleParam(query, name)
  if (text === undefined) return undefined
  const number = Math.min(Number(text), Number.MAX_SAFE_INTEGER)
  if (/^\d+$/.test(text) && number >= minimum) return number
  throw badRequest(`${name} must be a whole number from ${minimum} on`)
}

/** Pages count from 1; all beyond the last are empty. */
export function pageParam(query: Query): number {
  const { page } = sharedParameters
  return uintParam(query, 'page', page) ?? page.default
}
