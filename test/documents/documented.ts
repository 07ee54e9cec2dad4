import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { openApiDocument } from '../../src/http/openapi/document.ts'
import { asObject } from '../../src/kube/client/parse.ts'

/** A response of the facade, with its request. */
export interface Exchange {
  method: string
  url: string
  status: number
  headers: Headers
  /** Undefined if the body was not read to its end. */
  text: string | undefined
}

/** How the document describes a response. */
interface Described {
  headers: Record<string, unknown>
  /** JSON pointers to the schemas, by content type. */
  content: Record<string, string>
}

const document = closed(openApiDocument('1.2.3'))
const ajv = new Ajv2020({ strict: false, allErrors: true })
ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
ajv.addFormat('uuid', /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/)
ajv.addSchema(document, 'document')

const checks = new Map<string, ValidateFunction>()
const templates = Object.keys(asObject(document['paths'])).map((template) => ({
  template,
  pattern: new RegExp(`^${template.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`),
}))

/** Status codes of requests without an operation, from the router and the middleware before it; 408, 413 and 431 have no request. */
const strayStatuses = [204, 400, 401, 404, 405, 408, 413, 429, 431]

/** Throws if a response differs from the OpenAPI document in status, headers, content type or body. */
export function expectDocumented(exchange: Exchange): void {
  const wrong = problemsOf(exchange)
  if (wrong.length === 0) return
  const { method, url, status, text } = exchange
  const summary = `${method} ${url} returned ${status}, which differs from the OpenAPI document (src/http/openapi/operations.ts):`
  throw new Error([summary, ...wrong, text?.slice(0, 1000) ?? ''].join('\n'))
}

function problemsOf(exchange: Exchange): string[] {
  const described = find(exchange)
  if (described === undefined) return [`the status ${exchange.status} is not described`]
  return [...headerProblems(exchange, described), ...bodyProblems(exchange, described)]
}

function find({ method, url, status }: Exchange): Described | undefined {
  // The router ignores a trailing slash.
  const pathname = new URL(url).pathname.replace(/(?<=.)\/$/, '')
  // A literal path wins over a path with a placeholder, as in the router.
  const { template } = templates.find((each) => each.template === pathname) ??
    templates.find(({ pattern }) => pattern.test(pathname)) ?? { template: '' }
  const verb = method === 'HEAD' ? 'get' : method.toLowerCase()
  const operation = asObject(asObject(asObject(document['paths'])[template])[verb])
  if (operation['responses'] === undefined) return strayAnswer(status)
  const response = asObject(operation['responses'])[String(status)]
  if (response === undefined) return undefined
  const { headers, content } = asObject(response)
  const pointer = `/paths/${escaped(template)}/${verb}/responses/${status}/content`
  const types = Object.keys(asObject(content)).map((type): [string, string] => [
    type,
    `${pointer}/${escaped(type)}/schema`,
  ])
  return { headers: asObject(headers), content: Object.fromEntries(types) }
}

function strayAnswer(status: number): Described | undefined {
  if (!strayStatuses.includes(status)) return undefined
  const content = status === 204 ? {} : { 'application/json': '/components/schemas/Failure' }
  return { headers: {}, content }
}

function escaped(key: string): string {
  return encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'))
}

function headerProblems(exchange: Exchange, described: Described): string[] {
  return Object.keys(described.headers).flatMap((name) => {
    const { required } = asObject(asObject(asObject(document['components'])['headers'])[name])
    const value = exchange.headers.get(name)
    if (value === null) return required === true ? [`header ${name} is missing`] : []
    return problemsIn(value, `/components/headers/${name}/schema`, `header ${name}`)
  })
}

function bodyProblems({ method, headers, text }: Exchange, { content }: Described): string[] {
  if (method === 'HEAD' || text === undefined) return []
  const [type = ''] = (headers.get('content-type') ?? '').split(';')
  if (Object.keys(content).length === 0) return text === '' ? [] : ['the body must be empty']
  const pointer = content[type]
  if (pointer === undefined) return [`the content type "${type}" is not described`]
  return problemsIn(type === 'application/json' ? JSON.parse(text) : text, pointer, 'body')
}

function problemsIn(value: unknown, pointer: string, name: string): string[] {
  const check = checks.get(pointer) ?? ajv.compile({ $ref: `document#${pointer}` })
  checks.set(pointer, check)
  return check(value) ? [] : [ajv.errorsText(check.errors, { separator: '\n', dataVar: name })]
}

/** Clients must accept unknown fields; a test must not. */
function closed(schema: object): Record<string, unknown> {
  const entries = Object.entries(schema).map(([key, value]): [string, unknown] => [key, closedValue(value)])
  const result: Record<string, unknown> = Object.fromEntries(entries)
  return result['type'] === 'object' && result['properties'] !== undefined
    ? { ...result, additionalProperties: false }
    : result
}

function closedValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closedValue)
  return typeof value === 'object' && value !== null ? closed(value) : value
}
