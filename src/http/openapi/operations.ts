import { idempotencyKey } from '../jobs/delegation-key.ts'
import { listParameters } from '../jobs/list-query.ts'
import { logsParameters } from '../logs/query.ts'
import { STALE_HEADER, TRUNCATED_HEADER } from '../middleware/headers.ts'
import type { RouteName } from '../routes.ts'
import { runnerParameters } from '../runners/list-query.ts'
import { enveloped, named, type OpenSchema } from './schemas.ts'

/** A status on which an operation fails. Those that every call can meet are not listed. */
export type Failing = 400 | 404 | 409 | 413 | 415

/** What one success looks like. */
export interface Success {
  description: string
  /** Schema of the JSON answer; without one there is none. */
  json?: OpenSchema
  /** It may be plain text. */
  text?: string
  /** Or text of these other types. */
  other?: Readonly<Record<string, string>>
  headers?: readonly HeaderName[]
  /** Operations on the job that it names. */
  links?: readonly RouteName[]
}

/** One route, as the document describes it. */
export interface Operation {
  id: string
  tag: 'jobs' | 'runners' | 'service'
  summary: string
  description?: string
  query?: Readonly<Record<string, OpenSchema>>
  /** Headers that a caller may send. */
  requestHeaders?: Readonly<Record<string, OpenSchema>>
  /** Name of the schema of its body. */
  body?: 'Delegation' | 'StatusReport' | 'Completion' | 'Heartbeat'
  isBodyOptional?: true
  success: Readonly<Record<number, Success>>
  failing?: readonly Failing[]
}

/** Headers of answers that are worth a description. */
export const headers = {
  Location: {
    schema: { type: 'string' },
    description: 'Path of the job, with what a proxy in front strips of it.',
    required: true,
  },
  'Idempotency-Replayed': {
    schema: { const: 'true' },
    description: 'Only there when the job existed before this call.',
    required: false,
  },
  'WWW-Authenticate': { schema: { type: 'string' }, description: 'How to authenticate.', required: true },
  'Retry-After': {
    schema: { type: 'string', pattern: '^[0-9]+$' },
    description: 'Seconds after which to try again.',
    required: true,
  },
  'X-RateLimit-Limit': {
    schema: { type: 'string', pattern: '^[0-9]+$' },
    description: 'Requests per client address and window.',
    required: true,
  },
  'X-RateLimit-Remaining': {
    schema: { type: 'string', pattern: '^[0-9]+$' },
    description: 'Requests that are left in this window.',
    required: true,
  },
  'X-RateLimit-Reset': {
    schema: { type: 'string', pattern: '^[0-9]+$' },
    description: 'When the next window begins, in Unix seconds.',
    required: true,
  },
  [TRUNCATED_HEADER]: {
    schema: { const: 'true' },
    description: 'Only there when the beginning of the log may be missing, because its node may have rotated it away.',
    required: false,
  },
  [STALE_HEADER]: {
    schema: { const: 'true' },
    description: 'Only there when the API server does not answer, and what was known before is made do with.',
    required: false,
  },
} as const satisfies Record<string, { schema: OpenSchema; description: string; required: boolean }>

export type HeaderName = keyof typeof headers

/** What If-None-Match may bring. */
const unchanged = { 304: { description: 'The caller has it already.' } } satisfies Operation['success']

/** Every route, by its name: one without a description does not compile. */
export const operations: Readonly<Record<RouteName, Operation>> = {
  delegate: {
    id: 'delegateJob',
    tag: 'jobs',
    summary: 'Delegate a job',
    description:
      'Runs the job in one fresh pod. The same delegation again (repository in any case, runId, runAttempt, jobId and ' +
      'runnerName) answers with the same job while that is not over, and for 15 seconds after it was delegated unless ' +
      'proxy-complete has reported its end; then it is a new job, such as the next leg of a matrix. With an ' +
      'Idempotency-Key, the key and the caller decide in place of these five what is the same, also of jobs that are ' +
      'over, for IDEMPOTENCY_WINDOW_SECONDS. Unknown fields are ignored. An optional field that is null, and a text ' +
      'that is empty or blank, is the same as none.',
    requestHeaders: { 'Idempotency-Key': idempotencyKey },
    body: 'Delegation',
    success: {
      201: {
        description: 'The job was made, or existed already.',
        json: enveloped({ data: named('Delegated') }),
        headers: ['Location', 'Idempotency-Replayed'],
        links: ['getJob', 'report', 'proxyComplete', 'logs'],
      },
    },
    failing: [400, 409, 413, 415],
  },
  listJobs: {
    id: 'listJobs',
    tag: 'jobs',
    summary: 'List jobs, newest first',
    query: listParameters,
    success: {
      200: {
        description: 'One page.',
        json: enveloped({ data: { type: 'array', items: named('JobSummary') }, pagination: named('Pagination') }),
      },
    },
    failing: [400],
  },
  getJob: {
    id: 'getJob',
    tag: 'jobs',
    summary: 'Show a job',
    success: { 200: { description: 'The job.', json: enveloped({ data: named('Job') }) } },
    failing: [404],
  },
  report: {
    id: 'reportJobStatus',
    tag: 'jobs',
    summary: 'Report the state of a job',
    description: 'For proxies that run a job themselves. A state is reached once: reports only move a job forward.',
    body: 'StatusReport',
    success: { 200: { description: 'The report was taken.', json: enveloped({ data: named('Reported') }) } },
    failing: [400, 404, 409, 413, 415],
  },
  proxyComplete: {
    id: 'completeJob',
    tag: 'jobs',
    summary: 'Report that a job is over',
    description:
      'The end as the proxy runner saw it; what it delegates from then on is a new job. Where runId or jobId is given, ' +
      'it must be that of the job.',
    body: 'Completion',
    success: { 200: { description: 'The report was taken.', json: enveloped({}) } },
    failing: [400, 404, 409, 413, 415],
  },
  logs: {
    id: 'getJobLogs',
    tag: 'jobs',
    summary: 'Read or follow the log of a job',
    query: logsParameters,
    success: {
      200: {
        description: 'The log: in the envelope, or with follow=true as a stream of plain text.',
        json: enveloped({ data: named('Log') }),
        text: 'Lines as they are written.',
        headers: [TRUNCATED_HEADER],
      },
    },
    failing: [400, 404],
  },
  listRunners: {
    id: 'listRunners',
    tag: 'runners',
    summary: 'List runners, newest first',
    description:
      'Proxy runners that have been offline for long are forgotten, those of jobs that are over soon after their end.',
    query: runnerParameters,
    success: {
      200: {
        description: 'One page.',
        json: enveloped({ data: { type: 'array', items: named('Runner') }, pagination: named('Pagination') }),
      },
    },
    failing: [400],
  },
  heartbeat: {
    id: 'heartbeat',
    tag: 'runners',
    summary: 'Say that a proxy runner is there',
    description:
      'Keeps a proxy runner online; one that misses three is offline. Delegating says the same. A runner that is not ' +
      'known is registered. Labels and repository are those that it last gave itself, at first those of its first job.',
    body: 'Heartbeat',
    isBodyOptional: true,
    success: {
      200: { description: 'It was known.', json: enveloped({ data: named('Runner') }) },
      201: { description: 'It was registered.', json: enveloped({ data: named('Runner') }) },
    },
    failing: [400, 413, 415],
  },
  metrics: {
    id: 'getMetrics',
    tag: 'service',
    summary: 'Metrics for Prometheus',
    description: 'In the text format of Prometheus, without an envelope. The totals of jobs are those of the cluster.',
    success: { 200: { description: 'All metrics.', text: 'HELP, TYPE and samples, a line each.' } },
  },
  health: {
    id: 'getHealth',
    tag: 'service',
    summary: 'Whether the service is well',
    success: {
      200: { description: 'It is.', json: named('Health') },
      503: { description: 'It is not.', json: named('Health') },
    },
  },
  document: {
    id: 'getDocument',
    tag: 'service',
    summary: 'This document',
    success: { 200: { description: 'OpenAPI 3.1.', json: { type: 'object' } }, ...unchanged },
  },
  docsPage: {
    id: 'getDocsPage',
    tag: 'service',
    summary: 'This document as a page for people',
    success: { 200: { description: 'The page.', other: { 'text/html': 'The page.' } }, ...unchanged },
  },
  docsFile: {
    id: 'getDocsFile',
    tag: 'service',
    summary: 'What that page is made of',
    success: {
      200: { description: 'A file.', other: { 'text/css': 'Its style.', 'text/javascript': 'Its program.' } },
      ...unchanged,
    },
    failing: [404],
  },
  livez: {
    id: 'getLiveness',
    tag: 'service',
    summary: 'Whether the process is alive',
    success: { 200: { description: 'It is.', text: 'ok' } },
  },
  readyz: {
    id: 'getReadiness',
    tag: 'service',
    summary: 'Whether the process can answer calls',
    success: {
      200: { description: 'It can.', text: 'ok' },
      503: { description: 'Not yet.', text: 'Why not.' },
    },
  },
}
