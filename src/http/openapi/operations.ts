import { idempotencyKey } from '../jobs/delegation-key.ts'
import { listParameters } from '../jobs/list-query.ts'
import { jobParameters } from '../jobs/wait-query.ts'
import { logsParameters } from '../logs/query.ts'
import { STALE_HEADER, TRUNCATED_HEADER } from '../middleware/headers.ts'
import { messageBody } from '../hand-over/message-body.ts'
import type { RouteName } from '../routes.ts'
import { poolParameters } from '../pools/list-query.ts'
import { runnerParameters } from '../runners/list-query.ts'
import { enveloped, named, type OpenSchema } from './schemas.ts'

/** A status code with which an operation fails. Those that every request can get are not listed. */
export type Failing = 400 | 404 | 409 | 413 | 415 | 416

/** One successful response. */
export interface Success {
  description: string
  /** Schema of the JSON response; absent if there is none. */
  json?: OpenSchema
  /** Description of the plain text response, if there is one. */
  text?: string
  /** Descriptions of text responses of other media types. */
  other?: Readonly<Record<string, string>>
  headers?: readonly HeaderName[]
  /** Further operations on the job in the response. */
  links?: readonly RouteName[]
}

/** A route, as the OpenAPI document describes it. */
export interface Operation {
  id: string
  tag: 'jobs' | 'runners' | 'service'
  summary: string
  description?: string
  query?: Readonly<Record<string, OpenSchema>>
  /** Optional request headers. */
  requestHeaders?: Readonly<Record<string, OpenSchema>>
  /** Name of the schema of the request body. */
  body?: 'Delegation' | 'StatusReport' | 'Completion' | 'Heartbeat'
  isBodyOptional?: true
  /** What the body may be instead, by media type. */
  otherBody?: Readonly<Record<string, string>>
  success: Readonly<Record<number, Success>>
  failing?: readonly Failing[]
}

/** Response headers with a description. */
export const headers = {
  Location: {
    schema: { type: 'string' },
    description: 'Path of the job, including the prefix that a proxy in front strips.',
    required: true,
  },
  'Idempotency-Replayed': {
    schema: { const: 'true' },
    description: 'Only present if the job existed before this request.',
    required: false,
  },
  'WWW-Authenticate': { schema: { type: 'string' }, description: 'How to authenticate.', required: true },
  'Retry-After': {
    schema: { type: 'string', pattern: '^[0-9]+$' },
    description: 'Seconds to wait before the next try.',
    required: true,
  },
  'X-RateLimit-Limit': {
    schema: { type: 'string', pattern: '^[0-9]+$' },
    description: 'Requests per client address and window.',
    required: true,
  },
  'X-RateLimit-Remaining': {
    schema: { type: 'string', pattern: '^[0-9]+$' },
    description: 'Remaining requests in this window.',
    required: true,
  },
  'X-RateLimit-Reset': {
    schema: { type: 'string', pattern: '^[0-9]+$' },
    description: 'Start of the next window, in Unix seconds.',
    required: true,
  },
  'Accept-Ranges': {
    schema: { enum: ['bytes', 'none'] },
    description: 'bytes if the header Range can select a part of the log.',
    required: true,
  },
  'Content-Range': {
    schema: { type: 'string', pattern: '^bytes ([0-9]+-[0-9]+|\\*)/[0-9]+$' },
    description: 'Which bytes of the text these are, and how many it has.',
    required: true,
  },
  ETag: {
    schema: { type: 'string', pattern: '^"[^"]+"$' },
    description: 'Names the text, for the header If-Range.',
    required: true,
  },
  [TRUNCATED_HEADER]: {
    schema: { const: 'true' },
    description: 'Only there when the beginning of the log may be missing, because its node may have rotated it away.',
    required: false,
  },
  [STALE_HEADER]: {
    schema: { const: 'true' },
    description: 'Only present while the API server is unreachable: the response is based on cached data.',
    required: false,
  },
} as const satisfies Record<string, { schema: OpenSchema; description: string; required: boolean }>

export type HeaderName = keyof typeof headers

/** The response to a matching If-None-Match. */
const unchanged = { 304: { description: 'Not modified.' } } satisfies Operation['success']

/** Every route by its name: a route without a description does not compile. */
export const operations: Readonly<Record<RouteName, Operation>> = {
  delegate: {
    id: 'delegateJob',
    tag: 'jobs',
    summary: 'Delegate a job',
    description:
      'Runs the job in one fresh pod. A repeat with the same repository (case is ignored), runId, runAttempt, jobId and ' +
      'runnerName returns the same job until that has finished, and for 15 seconds after its delegation unless ' +
      'proxy-complete has reported its end. After that it is a new job, such as the next leg of a matrix. With an ' +
      'Idempotency-Key, the key and the caller identify the delegation instead of these five fields, and a repeat ' +
      'within IDEMPOTENCY_WINDOW_SECONDS also returns a finished job. Unknown fields are ignored. An optional field ' +
      'that is null, or an empty or blank string, counts as absent. ' +
      'Callers that may only use their own jobs have separate jobs for the same five fields. ' +
      'With the message of a job that a proxy runner has accepted, the pod runs that very job. Only pools of mode Worker ' +
      'run it, and every repeat returns the same job, whatever the message contains.',
    requestHeaders: { 'Idempotency-Key': idempotencyKey },
    body: 'Delegation',
    otherBody: messageBody,
    success: {
      201: {
        description: 'The job was created or already existed.',
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
    summary: 'Get a job',
    description:
      'With waitSeconds, the response comes when the job has ended, or after that time with its present state.',
    query: jobParameters,
    success: { 200: { description: 'The job.', json: enveloped({ data: named('Job') }) } },
    failing: [400, 404],
  },
  report: {
    id: 'reportJobStatus',
    tag: 'jobs',
    summary: 'Report the state of a job',
    description: 'For proxies that run a job themselves. Reports only move a job forward: no state is reached twice.',
    body: 'StatusReport',
    success: { 200: { description: 'The report was accepted.', json: enveloped({ data: named('Reported') }) } },
    failing: [400, 404, 409, 413, 415],
  },
  proxyComplete: {
    id: 'completeJob',
    tag: 'jobs',
    summary: 'Report the end of a job',
    description:
      'Reports the end as the proxy runner saw it; a later delegation is a new job. If runId or jobId is given, it must ' +
      'match the job.',
    body: 'Completion',
    success: { 200: { description: 'The report was accepted.', json: enveloped({}) } },
    failing: [400, 404, 409, 413, 415],
  },
  cancel: {
    id: 'cancelJob',
    tag: 'jobs',
    summary: 'Cancel a job',
    description:
      'Requests that the job is cancelled. Its pod gets its grace period; until it has ended, the job is running with ' +
      'reason CancelRequested. A repeated request changes nothing.',
    success: { 202: { description: 'The request was taken.', json: enveloped({ data: named('CancelTaken') }) } },
    failing: [404, 409],
  },
  logs: {
    id: 'getJobLogs',
    tag: 'jobs',
    summary: 'Get or follow the log of a job',
    description:
      'The header Range selects bytes of the text, which come as plain text with status 206. It needs a log whose lines ' +
      'are all in the archive, where Accept-Ranges is bytes. Otherwise, and with tail, offset, limit or follow, the ' +
      'response is the same as without it.',
    query: logsParameters,
    success: {
      200: {
        description: 'The log, in the envelope or, with follow=true or download=true, as plain text.',
        json: enveloped({ data: named('Log') }),
        text: 'Lines as they are written.',
        headers: [TRUNCATED_HEADER, 'Accept-Ranges'],
      },
      206: {
        description: 'The bytes that the header Range selects.',
        text: 'A part of the text.',
        headers: ['Accept-Ranges', 'Content-Range', 'ETag'],
      },
    },
    failing: [400, 404, 416],
  },
  listRunners: {
    id: 'listRunners',
    tag: 'runners',
    summary: 'List runners, newest first',
    description:
      'Proxy runners that were offline for PROXY_FORGET_SECONDS are removed; runners of finished jobs soon after the end.',
    query: runnerParameters,
    success: {
      200: {
        description: 'One page.',
        json: enveloped({ data: { type: 'array', items: named('Runner') }, pagination: named('Pagination') }),
      },
    },
    failing: [400],
  },
  listPools: {
    id: 'listPools',
    tag: 'runners',
    summary: 'List pools by name, with their slots and their queue',
    query: poolParameters,
    success: {
      200: {
        description: 'One page.',
        json: enveloped({ data: { type: 'array', items: named('Pool') }, pagination: named('Pagination') }),
      },
    },
    failing: [400],
  },
  caller: {
    id: 'getCaller',
    tag: 'service',
    summary: 'Who calls, and what the caller may do',
    success: { 200: { description: 'The caller.', json: enveloped({ data: named('Caller') }) } },
  },
  heartbeat: {
    id: 'heartbeat',
    tag: 'runners',
    summary: 'Send a proxy runner heartbeat',
    description:
      'Keeps a proxy runner online; after three missed heartbeats it is offline. A delegation counts as a heartbeat. An ' +
      'unknown runner is registered. Labels and repository are those of its last heartbeat with them, until then those ' +
      'of its first job.',
    body: 'Heartbeat',
    isBodyOptional: true,
    success: {
      200: { description: 'The runner was known.', json: enveloped({ data: named('Runner') }) },
      201: { description: 'The runner was registered.', json: enveloped({ data: named('Runner') }) },
    },
    failing: [400, 413, 415],
  },
  metrics: {
    id: 'getMetrics',
    tag: 'service',
    summary: 'Metrics for Prometheus',
    description: 'In Prometheus text format, without an envelope. The totals of jobs cover the whole cluster.',
    success: { 200: { description: 'All metrics.', text: 'HELP, TYPE and sample lines.' } },
  },
  health: {
    id: 'getHealth',
    tag: 'service',
    summary: 'Health of the service',
    success: {
      200: { description: 'Healthy.', json: named('Health') },
      503: { description: 'Unhealthy.', json: named('Health') },
    },
  },
  document: {
    id: 'getDocument',
    tag: 'service',
    summary: 'OpenAPI document',
    success: { 200: { description: 'OpenAPI 3.1.', json: { type: 'object' } }, ...unchanged },
  },
  page: {
    id: 'getPage',
    tag: 'service',
    summary: 'Page that shows the jobs, for callers that accept text/html',
    success: { 200: { description: 'The page.', other: { 'text/html': 'The page.' } }, ...unchanged },
    failing: [404],
  },
  pageFile: {
    id: 'getPageFile',
    tag: 'service',
    summary: 'File of the page',
    success: {
      200: { description: 'A file.', other: { 'text/css': 'The style sheet.', 'text/javascript': 'A script.' } },
      ...unchanged,
    },
    failing: [404],
  },
  docsPage: {
    id: 'getDocsPage',
    tag: 'service',
    summary: 'Documentation page',
    success: { 200: { description: 'The page.', other: { 'text/html': 'The page.' } }, ...unchanged },
  },
  docsFile: {
    id: 'getDocsFile',
    tag: 'service',
    summary: 'File of the documentation page, or the program of proxy runners',
    description: 'runnerhub-worker.cjs is the program that a proxy runner hands its jobs over with.',
    success: {
      200: { description: 'A file.', other: { 'text/css': 'The style sheet.', 'text/javascript': 'A script.' } },
      ...unchanged,
    },
    failing: [404],
  },
  livez: {
    id: 'getLiveness',
    tag: 'service',
    summary: 'Liveness of the process',
    success: { 200: { description: 'Alive.', text: 'ok' } },
  },
  readyz: {
    id: 'getReadiness',
    tag: 'service',
    summary: 'Readiness of the process',
    success: {
      200: { description: 'Ready.', text: 'ok' },
      503: { description: 'Not ready.', text: 'The reason.' },
    },
  },
}
