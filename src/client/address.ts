import { addresses, type Operations } from './contract.ts'

/** The id of an operation in the OpenAPI document. */
export type OperationId = keyof Operations

/** What a caller passes to an operation. */
export type InputOf<Id extends OperationId> = Operations[Id]['input']

/** The JSON of a successful response; the text if it is not JSON. */
export type AnswerOf<Id extends OperationId> = Operations[Id]['answer']

/** The parameters of one place in an input; those that are undefined are left out. */
export function parametersOf(input: object, place: 'path' | 'query' | 'header'): [string, string][] {
  const values: unknown = Reflect.get(input, place)
  const entries: [string, unknown][] = typeof values === 'object' && values !== null ? Object.entries(values) : []
  return entries.filter(([, value]) => value !== undefined).map(([name, value]) => [name, textOf(value)])
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** The path and the query of a call, below the base of the API. */
export function pathTo<Id extends OperationId>(id: Id, input: InputOf<Id>): string {
  const values = new Map(parametersOf(input, 'path'))
  const path = addresses[id].path.replaceAll(/\{(\w+)\}/g, (_, name: string) => segment(values.get(name) ?? ''))
  const query = new URLSearchParams(parametersOf(input, 'query'))
  return query.size === 0 ? path : `${path}?${query.toString()}`
}

/** One segment of a path, which `.` and `..` would leave even when escaped. */
function segment(text: string): string {
  if (/^\.{0,2}$/.test(text)) throw new Error(`${JSON.stringify(text)} cannot be part of a path`)
  return encodeURIComponent(text)
}
