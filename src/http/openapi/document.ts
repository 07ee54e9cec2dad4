import { createHash } from 'node:crypto'
import { describePermission } from '../../auth/permissions.ts'
import { Lru } from '../../collections/lru.ts'
import { atRoot } from '../base-path.ts'
import type { FacadeDeps, Handlers } from '../context.ts'
import { delegationBody } from '../jobs/delegation-body.ts'
import { completeBody, statusBody } from '../jobs/status-report.ts'
import { STALE_HEADER } from '../middleware/headers.ts'
import { messageFacts } from '../hand-over/message-body.ts'
import { type Route, type RouteName, routes } from '../routes.ts'
import { heartbeatBody, runnerName } from '../runners/heartbeat.ts'
import { type HeaderName, headers, type Operation, operations, type Success } from './operations.ts'
import { responseSchemas, named, type OpenSchema } from './schemas.ts'

const rateLimitHeaders: readonly HeaderName[] = ['X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset']

/** Description and headers of the failures of each status code. */
const failures: Readonly<Record<number, { description: string; headers?: readonly HeaderName[] }>> = {
  400: { description: 'The request is invalid.' },
  401: { description: 'The bearer token is missing or unknown.', headers: ['WWW-Authenticate'] },
  403: { description: 'The caller lacks the permission.' },
  404: { description: 'The resource does not exist, or is a job of another caller.' },
  408: { description: 'The request took too long to arrive.' },
  409: { description: 'The request conflicts with the state of the job, its ids, or an earlier use of the key.' },
  413: { description: 'The body is longer than 256 KiB, or the message of a job exceeds its limits.' },
  415: { description: 'The body is not declared to be JSON.' },
  416: { description: 'The log has no such bytes, or several ranges were requested.', headers: ['Content-Range'] },
  429: {
    description:
      'Too many requests from this address, too many followed logs of this caller, or too many proxy runners.',
    headers: ['Retry-After'],
  },
  431: { description: 'The headers are longer than 16 KiB.' },
  500: { description: 'Internal error.' },
  503: { description: 'The cluster is unavailable, or the process has too much work.', headers: ['Retry-After'] },
}

/** Status codes of requests that fail before they are parsed and counted. */
const unread = [408, 431]

/** Status codes that every request under /api can get. */
const everywhere = [401, 403, 429, 500, 503]

/**
 * The OpenAPI 3.1 document of the REST API below a base path, from the same schemas that the routes validate bodies with.
 */
export function openApiDocument(version: string, base = ''): Record<string, unknown> {
  return {
    openapi: '3.1.1',
    info: {
      title: 'RunnerHub',
      version,
      description: 'Runs each delegated GitHub Actions job in one fresh, isolated pod.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: base === '' ? '/' : base }],
    tags: [
      { name: 'jobs', description: 'Delegated jobs.' },
      { name: 'runners', description: 'Runners of jobs, and the pools that they come from.' },
      { name: 'service', description: 'The service itself.' },
    ],
    paths: paths(),
    components: {
      schemas: {
        Delegation: plain(delegationBody),
        DelegationWithMessage: plain(messageFacts),
        StatusReport: plain(statusBody),
        Completion: plain(completeBody),
        Heartbeat: plain(heartbeatBody),
        ...Object.fromEntries(Object.entries(responseSchemas).map(([name, schema]) => [name, plain(schema)])),
      },
      headers,
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', description: 'Token of a known caller.' } },
    },
  }
}

function paths(): Record<string, Record<string, object>> {
  const result: Record<string, Record<string, object>> = {}
  for (const { name, method, path, permission } of routes) {
    const operation = describe(path, operations[name], permission)
    const template = path.replaceAll(/:(\w+)/g, '{$1}')
    result[template] = { ...result[template], [method.toLowerCase()]: operation }
  }
  return result
}

function describe(path: string, operation: Operation, permission: Route['permission']): object {
  const { id, tag, summary, description, success, failing = [] } = operation
  const isApi = permission !== 'open'
  const statuses = isApi ? [...failing, ...everywhere] : failing
  const shared = isApi ? rateLimitHeaders : []
  const succeeding = Object.entries(success).map(([status, response]): [string, object] => [
    status,
    successResponse(response, isApi ? [...shared, STALE_HEADER] : shared),
  ])
  const failed = statuses.map((status): [string, object] => [String(status), failureResponse(status, shared)])
  const unparsed = unread.map((status): [string, object] => [String(status), failureResponse(status, [])])
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...describedWith(description, permission),
    security: isApi ? [{ bearer: [] }] : [],
    parameters: [
      ...pathParameters(path),
      ...optionalParameters('query', operation.query),
      ...optionalParameters('header', operation.requestHeaders),
    ],
    ...requestBody(operation),
    responses: Object.fromEntries([...succeeding, ...failed, ...unparsed]),
  }
}

function requestBody({ body, otherBody = {}, isBodyOptional }: Operation): object {
  if (body === undefined) return {}
  const others = Object.entries(otherBody).map(([type, about]): [string, object] => [
    type,
    { schema: { description: about, 'x-facts': named('DelegationWithMessage') } },
  ])
  const content = { ...json(named(body)), ...Object.fromEntries(others) }
  return { requestBody: { required: isBodyOptional !== true, content } }
}

/** The description of an operation with the permission that it needs. */
function describedWith(description: string | undefined, permission: Route['permission']): object {
  const needed = neededFor(permission)
  const text = [description, needed].filter((part) => part !== undefined).join(' ')
  return text === '' ? {} : { description: text }
}

function neededFor(permission: Route['permission']): string | undefined {
  if (permission === 'open') return undefined
  return permission === 'known'
    ? 'Needs a valid token, and no permission.'
    : `Needs the permission to ${describePermission(permission)}.`
}

const parameterTexts: Readonly<Record<string, string>> = {
  id: 'Delegation id.',
  file: 'Name of the file.',
  name: 'Name of the runner, as in its delegations.',
}

const { description: _, ...nameSchema } = plain({ ...runnerName })

function pathParameters(path: string): object[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    description: parameterTexts[name] ?? name,
    schema: name === 'name' ? nameSchema : { type: 'string' },
  }))
}

function optionalParameters(where: 'query' | 'header', schemas: Readonly<Record<string, OpenSchema>> = {}): object[] {
  return Object.entries(schemas).map(([name, schema]) => {
    const { description, ...rest } = plain(schema)
    return { name, in: where, required: false, description, schema: rest }
  })
}

function successResponse(success: Success, shared: readonly HeaderName[]): object {
  const { description, json: schema, text, other = {}, headers: own = [], links = [] } = success
  const texts = Object.entries({ ...(text !== undefined && { 'text/plain': text }), ...other })
  const content = {
    ...(schema !== undefined && json(schema)),
    ...Object.fromEntries(
      texts.map(([type, about]): [string, object] => [type, { schema: { type: 'string', description: about } }]),
    ),
  }
  return { description, headers: headerRefs([...own, ...shared]), content, ...linksTo(links) }
}

/** Links from the job of a response to further operations on it, for tools. */
function linksTo(names: readonly RouteName[]): object {
  if (names.length === 0) return {}
  const parameters = { id: '$response.body#/data/delegationId' }
  return { links: Object.fromEntries(names.map((name) => [name, { operationId: operations[name].id, parameters }])) }
}

function failureResponse(status: number, shared: readonly HeaderName[]): object {
  const { description = '', headers: own = [] } = failures[status] ?? {}
  return { description, headers: headerRefs([...own, ...shared]), content: json(named('Failure')) }
}

function headerRefs(names: readonly HeaderName[]): object {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]))
}

function json(schema: OpenSchema): Record<string, object> {
  return { 'application/json': { schema: plain(schema) } }
}

/** A schema without the keywords of Kubernetes. */
function plain(schema: OpenSchema): OpenSchema {
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([keyword]) => !keyword.startsWith('x-kubernetes-'))
      .map(([keyword, value]) => [keyword, plainValue(value)]),
  )
}

function plainValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainValue)
  return typeof value === 'object' && value !== null ? plain(Object.fromEntries(Object.entries(value))) : value
}

/** Limit of base paths whose document is cached: usually there is one, or one per proxy. */
const MOST_BASES = 10

/** GET /openapi.json: no token needed, since its content is public. */
export function documentHandlers({ version, basePathOf = atRoot }: FacadeDeps): Handlers<'document'> {
  const documents = new Lru<string, { text: string; etag: string }>(MOST_BASES)
  const documentAt = (base: string): { text: string; etag: string } => {
    const known = documents.get(base)
    if (known !== undefined) return known
    const text = JSON.stringify(openApiDocument(version, base))
    const document = { text, etag: createHash('sha256').update(text).digest('base64url') }
    documents.set(base, document)
    return document
  }
  return {
    document: (ctx) => {
      const { text, etag } = documentAt(basePathOf(ctx))
      ctx.set('Cache-Control', 'no-cache')
      ctx.vary('X-Forwarded-Prefix')
      ctx.etag = etag
      ctx.status = 200
      if (ctx.fresh) ctx.status = 304
      else {
        ctx.type = 'application/json'
        ctx.body = text
      }
    },
  }
}
