import { REPOSITORY_PATTERN } from '../api/fields.ts'
import { badRequest } from './http-error.ts'

/** The parameters of a request, as they came. */
export type Query = Readonly<Record<string, string | string[] | undefined>>

/** A parameter that may be given once. */
export function one(query: Query, name: string): string | undefined {
  const value = query[name]
  if (typeof value === 'object') throw badRequest(`${name} may be given once`)
  return value
}

/** A whole number from 1 on. */
export function wholeNumber(query: Query, name: string, range: { default: number; highest: number }): number {
  const text = one(query, name)
  if (text === undefined) return range.default
  const number = Number(text)
  if (/^\d{1,10}$/.test(text) && number >= 1 && number <= range.highest) return number
  throw badRequest(`${name} must be a whole number from 1 to ${range.highest}`)
}

/** One of a few words; upper and lower case matter. */
export function word<T extends string>(query: Query, name: string, words: readonly T[]): T | undefined {
  const text = one(query, name)
  const known = words.find((candidate) => candidate === text)
  if (text !== undefined && known === undefined) throw badRequest(`${name} must be one of ${words.join(', ')}`)
  return known
}

const repositoryPattern = new RegExp(REPOSITORY_PATTERN, 'u')

/** The parameter `repository`. */
export function repositoryOf(query: Query): string | undefined {
  const repository = one(query, 'repository')
  if (repository !== undefined && !repositoryPattern.test(repository)) throw badRequest('repository must be owner/repo')
  return repository
}

/** Pages count from 1 and end somewhere. */
export function pageOf(query: Query): number {
  return wholeNumber(query, 'page', { default: 1, highest: 1_000_000_000 })
}
