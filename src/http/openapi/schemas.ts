import { jobStates } from '../../api/job-state.ts'
import { failureReasons, progressReasons, waitingReasons } from '../../api/reasons.ts'
import { runnerJobSpec, runnerJobStatus } from '../../api/runner-job.ts'
import { runnerStatus } from '../../api/runner.ts'
import type { Schema } from '../../api/schema.ts'
import { errorCodes } from '../http-error.ts'
import { runnerStates, runnerTypes } from '../runners/views.ts'

/** A JSON Schema as OpenAPI 3.1 has it, with `null` among the types. */
export type OpenSchema = Readonly<Record<string, unknown>>

/** An object of which every field is always there. */
function whole(description: string, properties: Readonly<Record<string, OpenSchema>>): OpenSchema {
  return { type: 'object', description, required: Object.keys(properties), properties }
}

/** Refers to one of the document's named schemas. */
export function named(name: string): OpenSchema {
  return { $ref: `#/components/schemas/${name}` }
}

/** The same schema, or null while nothing is known. */
function orNull({ type, description = '' }: Pick<Schema, 'type' | 'description'>): OpenSchema {
  return { type: [type, 'null'], description }
}

function moment(description: string): OpenSchema {
  return { type: 'string', format: 'date-time', description }
}

function momentOrNull(description: string): OpenSchema {
  return { type: ['string', 'null'], format: 'date-time', description }
}

const { properties: facts } = runnerJobSpec
const { properties: status } = runnerJobStatus
const { properties: runnerProperties } = runnerStatus

const id: OpenSchema = { type: 'string', format: 'uuid', description: 'Delegation id.' }
const state = named('JobState')
const count = (description: string): OpenSchema => ({ type: 'integer', minimum: 0, description })
const reasons = new Set<string>([...waitingReasons, ...progressReasons, ...failureReasons])

const githubJobId: OpenSchema = {
  type: ['integer', 'null'],
  description: 'The job id as a number, where it is digits that a JSON number holds exactly.',
}
const startedAt = momentOrNull('When it began to run.')

/** What answers are made of, by the name that it has in the document. */
export const answerSchemas: Readonly<Record<string, OpenSchema>> = {
  JobState: { type: 'string', enum: jobStates, description: 'State of a job. The last three are final.' },
  Delegated: whole('A delegation that was taken.', { delegationId: id, status: state }),
  Job: whole('A job in full. What is not known yet is null.', {
    id,
    githubJobId,
    jobId: facts.jobId,
    runId: facts.runId,
    repository: facts.repository,
    workflow: orNull(facts.workflow),
    runnerName: orNull(facts.runnerName),
    status: state,
    runnerId: { type: ['string', 'null'], description: 'Id of the runner, as in the list of runners.' },
    containerId: orNull(status.containerId),
    labels: facts.labels,
    startedAt,
    completedAt: momentOrNull('When it ended.'),
    metadata: whole('About the delegation and its outcome.', {
      delegatedAt: moment('When it was delegated.'),
      proxyRunner: orNull(facts.runnerName),
      reason: { type: ['string', 'null'], enum: [...reasons, null], description: 'One word for why it is as it is.' },
      message: orNull(status.message),
      exitCode: orNull(status.exitCode),
    }),
  }),
  JobSummary: whole('A job as lists show it.', {
    id,
    githubJobId,
    repository: facts.repository,
    workflow: orNull(facts.workflow),
    status: state,
    startedAt,
  }),
  Runner: whole('A place where a job can run. What is not known is null.', {
    id: { type: 'string', description: 'The same as runnerId of the job that it runs.' },
    name: { type: 'string', description: 'Its name.' },
    type: { type: 'string', enum: runnerTypes, description: 'proxy: outside; ephemeral: a pod for one job.' },
    status: { type: 'string', enum: runnerStates, description: 'Its state.' },
    labels: facts.labels,
    lastHeartbeat: momentOrNull(
      'When it was last heard of: a proxy runner by a heartbeat or a delegation, an ephemeral one when its pod was last known to run.',
    ),
    repository: orNull(facts.repository),
    pool: orNull(facts.poolName),
    jobId: { ...id, type: ['string', 'null'], description: 'Delegation id of the job that it runs.' },
    reason: orNull(runnerProperties.reason),
    message: orNull(runnerProperties.message),
    createdAt: momentOrNull('When it was made.'),
  }),
  Pagination: whole('Where a page stands in what was found.', {
    page: count('Number of this page.'),
    limit: count('Most rows on a page.'),
    total: count('Rows found, on all pages.'),
    totalPages: count('Pages; 0 when nothing was found.'),
  }),
  Reported: whole('A report that was taken.', { id, status: state, updatedAt: moment('When it was taken.') }),
  Log: {
    type: 'object',
    description: 'A log.',
    required: ['logs'],
    properties: {
      logs: { type: 'string', description: "Lines, each behind the kubelet's timestamp." },
      state: { const: 'unavailable', description: 'The job is over and its pod is gone, and the log with it.' },
      truncated: {
        const: true,
        description:
          'There is more than the 8 MiB that one answer holds, which follow=true does not limit; or the beginning may be ' +
          'missing, because the node may have rotated it away.',
      },
    },
  },
  Health: whole('Whether the service and what it depends on are well.', {
    status: { type: 'string', enum: ['healthy', 'unhealthy'] },
    timestamp: moment('When this was found out.'),
    checks: whole('One entry for each dependency.', {
      database: { type: 'string', enum: ['pass', 'fail'], description: 'The cluster, which is the only store.' },
    }),
  }),
  Metadata: whole('About the answer.', {
    timestamp: moment('When it was given.'),
    version: { type: 'string', description: 'Version of the product.' },
  }),
  Failure: whole('Every answer but a success.', {
    success: { const: false },
    error: { type: 'string', minLength: 1, description: 'What is wrong, for people.' },
    code: {
      type: 'string',
      enum: Object.keys(errorCodes),
      description: Object.entries(errorCodes)
        .map(([code, meaning]) => `${code}: ${meaning}`)
        .join('\n'),
    },
    metadata: named('Metadata'),
  }),
}

/** The envelope of a success, around these fields. */
export function enveloped(fields: Readonly<Record<string, OpenSchema>>): OpenSchema {
  return whole('Envelope of a success.', { success: { const: true }, ...fields, metadata: named('Metadata') })
}
