import { jobStates } from '../../api/job-state.ts'
import { failureReasons, progressReasons, waitingReasons } from '../../api/reasons.ts'
import { describePermission, permissions } from '../../auth/permissions.ts'
import { jobMessage, jobResults, runnerJobSpec, runnerJobStatus } from '../../api/runner-job.ts'
import { poolLimits, runnerPoolSpec } from '../../api/runner-pool.ts'
import { runnerStatus } from '../../api/runner.ts'
import type { Schema } from '../../api/schema.ts'
import { errorCodes } from '../http-error.ts'
import { runnerStates, runnerTypes } from '../runners/views.ts'

/** A JSON Schema of OpenAPI 3.1, which has the type `null`. */
export type OpenSchema = Readonly<Record<string, unknown>>

/** An object whose fields are all always present. */
function whole(description: string, properties: Readonly<Record<string, OpenSchema>>): OpenSchema {
  return { type: 'object', description, required: Object.keys(properties), properties }
}

/** A reference to a named schema of the document. */
export function named(name: string): OpenSchema {
  return { $ref: `#/components/schemas/${name}` }
}

/** The same schema, or null while the value is unknown. */
function orNull({ type, description = '' }: Pick<Schema, 'type' | 'description'>): OpenSchema {
  return { type: [type, 'null'], description }
}

function moment(description: string): OpenSchema {
  return { type: 'string', format: 'date-time', description }
}

function momentOrNull(description: string): OpenSchema {
  return { type: ['string', 'null'], format: 'date-time', description }
}

const { properties: poolProperties } = runnerPoolSpec
const { properties: facts } = runnerJobSpec
const { properties: message } = jobMessage
const { properties: status } = runnerJobStatus
const { properties: runnerProperties } = runnerStatus

const id: OpenSchema = { type: 'string', format: 'uuid', description: 'Delegation id.' }
const ended = runnerJobStatus.properties.attempts.items.properties
const state = named('JobState')
const count = (description: string): OpenSchema => ({ type: 'integer', minimum: 0, description })
const reasons = new Set<string>([...waitingReasons, ...progressReasons, ...failureReasons])

const githubJobId: OpenSchema = {
  type: ['integer', 'null'],
  description: 'The job id as a number, if JSON represents it exactly.',
}
const startedAt = momentOrNull('Start of the run.')

/** The schemas of responses by their name in the document. */
export const responseSchemas: Readonly<Record<string, OpenSchema>> = {
  JobState: { type: 'string', enum: jobStates, description: 'State of a job. The last three are final.' },
  Delegated: whole('An accepted delegation.', { delegationId: id, status: state }),
  Job: whole('A job in full. Unknown values are null.', {
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
    completedAt: momentOrNull('End of the run.'),
    metadata: whole('The delegation and its outcome.', {
      delegatedAt: moment('Time of the delegation.'),
      assignedAt: momentOrNull('Time at which the job got its runner.'),
      pool: orNull(status.poolName),
      runAttempt: orNull(facts.runAttempt),
      sha: orNull(facts.sha),
      ref: orNull(facts.ref),
      eventName: orNull(facts.eventName),
      actor: orNull(facts.actor),
      serverUrl: orNull(message.serverUrl),
      proxyRunner: orNull(facts.runnerName),
      reason: {
        type: ['string', 'null'],
        enum: [...reasons, null],
        description: 'Machine-readable reason of the state.',
      },
      message: orNull(status.message),
      exitCode: orNull(status.exitCode),
      result: { ...orNull(status.result), enum: [...jobResults, null] },
      attempt: { type: 'integer', minimum: 1, description: 'Number of the current attempt.' },
      attempts: {
        type: 'array',
        description: 'Earlier attempts, oldest first. The job was tried again after each of them.',
        items: whole('One attempt that ended.', {
          attempt: { type: 'integer', minimum: 1, description: 'Number of the attempt.' },
          runner: orNull(ended.runnerName),
          podUid: orNull(ended.podUID),
          node: orNull(ended.nodeName),
          reason: ended.reason,
          message: ended.message,
          exitCode: orNull(ended.exitCode),
          startedAt: momentOrNull('Start of the container; null if it never started.'),
          endedAt: moment('End of the attempt.'),
        }),
      },
      queuePosition: {
        type: ['integer', 'null'],
        minimum: 1,
        description: 'Position in the queue of the pool, while the job waits there. 1 is next.',
      },
      estimatedWaitSeconds: {
        type: ['integer', 'null'],
        minimum: 0,
        description:
          'Estimate of the wait for a slot, from the jobs of the pool that started lately. Null if too few did.',
      },
      requestedCpuMillicoreSeconds: orNull(status.requested.properties.cpuMillicoreSeconds),
      requestedMemoryMebibyteSeconds: orNull(status.requested.properties.memoryMebibyteSeconds),
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
  Runner: whole('A runner. Unknown values are null.', {
    id: { type: 'string', description: 'The same as runnerId of its job.' },
    name: { type: 'string', description: 'Name of the runner.' },
    type: {
      type: 'string',
      enum: runnerTypes,
      description: 'proxy: outside the cluster; ephemeral: a pod for one job.',
    },
    status: { type: 'string', enum: runnerStates, description: 'State of the runner.' },
    labels: facts.labels,
    lastHeartbeat: momentOrNull(
      'Last sign of life: of a proxy runner its last heartbeat or delegation, of an ephemeral one the last time when its pod was known to run.',
    ),
    repository: orNull(facts.repository),
    pool: orNull(facts.poolName),
    jobId: { ...id, type: ['string', 'null'], description: 'Delegation id of its job.' },
    reason: orNull(runnerProperties.reason),
    message: orNull(runnerProperties.message),
    createdAt: momentOrNull('Time of creation.'),
  }),
  Pool: whole('A pool of runners.', {
    name: { type: 'string', description: 'Name of the RunnerPool.' },
    mode: {
      type: 'string',
      enum: ['template', 'worker'],
      description: 'Which jobs it takes: worker takes those with a message.',
    },
    labels: poolProperties.labels,
    repositories: poolProperties.repositories,
    slots: count('Maximum of runner pods at a time.'),
    paused: { type: 'boolean', description: 'The pool starts no job.' },
    running: count('Slots whose job runs. This and the following are up to a few seconds old.'),
    starting: count('Slots whose job does not run yet.'),
    queued: count('Jobs that wait for a slot.'),
    oldestQueuedAt: momentOrNull('When the oldest of the waiting jobs was delegated.'),
    limitsReached: {
      type: 'array',
      description: 'Limits that keep jobs from starting now.',
      items: { type: 'string', enum: poolLimits },
    },
    ready: {
      type: ['boolean', 'null'],
      description: 'Whether the API server accepts pods of its template; null until that was tried.',
    },
    message: { type: ['string', 'null'], description: 'Why it is not ready.' },
  }),
  Caller: whole('The caller.', {
    user: { type: 'string', description: 'Name of the user.' },
    permissions: {
      type: 'array',
      description: 'The permissions of the API that the user has.',
      items: { type: 'string', enum: Object.values(permissions).map(describePermission) },
    },
  }),
  Pagination: whole('Position of a page in the results.', {
    page: count('Number of this page.'),
    limit: count('Maximum of rows per page.'),
    total: count('Rows on all pages.'),
    totalPages: count('Number of pages; 0 without results.'),
  }),
  Reported: whole('An accepted report.', { id, status: state, updatedAt: moment('When it was accepted.') }),
  CancelTaken: whole('A request to cancel that was taken.', { id, status: state }),
  Log: {
    type: 'object',
    description: 'A log.',
    required: ['logs'],
    properties: {
      logs: { type: 'string', description: "Lines, each after the kubelet's timestamp." },
      state: {
        enum: ['archived', 'unavailable'],
        description:
          'archived: the log comes from the archive, since its pod does not have it any more. unavailable: the job has ' +
          'finished, and neither its pod nor the archive has the log.',
      },
      nextOffset: count('With offset or limit: the first line after this page; absent on the last page.'),
      truncated: {
        const: true,
        description:
          'The log is longer than the 8 MiB limit of one response, which follow=true does not have; or its beginning may be ' +
          'missing, because the node may have rotated it away; or the archive lacks lines, and a marker line stands in their place.',
      },
    },
  },
  Health: whole('Health of the service and its dependencies.', {
    status: { type: 'string', enum: ['healthy', 'unhealthy'] },
    timestamp: moment('Time of the check.'),
    checks: whole('One entry for each dependency.', {
      database: { type: 'string', enum: ['pass', 'fail'], description: 'The cluster, which is the only store.' },
    }),
  }),
  Metadata: whole('About the response.', {
    timestamp: moment('Time of the response.'),
    version: { type: 'string', description: 'Version of the product.' },
  }),
  Failure: whole('Any response other than success.', {
    success: { const: false },
    error: { type: 'string', minLength: 1, description: 'Message for people.' },
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

/** The envelope of a success with these fields. */
export function enveloped(fields: Readonly<Record<string, OpenSchema>>): OpenSchema {
  return whole('Envelope of a success.', { success: { const: true }, ...fields, metadata: named('Metadata') })
}
