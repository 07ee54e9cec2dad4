import { deadline } from './deadlines.ts'
import type { KubeObject, Resource } from './object.ts'
import {
  conditions,
  labels,
  message,
  name,
  nonEmptyText,
  priority,
  reason,
  repository,
  text,
  time,
  turn,
} from './fields.ts'
import { GROUP, VERSION } from './names.ts'
import { NO_OPERATOR } from './reasons.ts'
import { MAX_RUNNER_NAME } from './runner.ts'
import { MAX_ATTEMPTS } from './retry.ts'
import type { FromSchema, NewFromSchema, Schema } from './schema.ts'

export const jobPhases = ['Queued', 'Assigned', 'Running', 'Completed', 'Failed', 'Cancelled'] as const
export type JobPhase = (typeof jobPhases)[number]

/** The results that a GitHub runner reports, in the order of its exit codes, from 100. */
export const jobResults = ['Succeeded', 'SucceededWithIssues', 'Failed', 'Canceled', 'Skipped', 'Abandoned'] as const
export type JobResult = (typeof jobResults)[number]

/** The facts of a delegation, as a proxy runner sends them. */
export const delegationFields = {
  repository,
  runId: nonEmptyText(64, 'Run ID at GitHub.'),
  jobId: nonEmptyText(256, 'Job ID at GitHub.'),
  runAttempt: { type: 'integer', description: 'Attempt of the run at GitHub.', minimum: 1, maximum: 10_000 },
  workflow: text(256, 'Name of the workflow.'),
  runnerName: text(MAX_RUNNER_NAME, 'Name of the proxy runner that delegated the job.'),
  sha: { type: 'string', description: 'Commit, 6 to 64 hex digits.', pattern: '^[0-9a-fA-F]{6,64}$' },
  ref: text(1024, 'Git ref that triggered the run.'),
  eventName: text(64, 'GitHub event that triggered the run.'),
  actor: text(128, 'GitHub user that triggered the run.'),
  labels: { ...labels, description: 'Labels of runs-on. A pool fits if it offers all of them.' },
} as const satisfies Record<string, Schema>

/**
 * The message of a job that a proxy runner has accepted, as the facade stored it: gzip, cut into the Secrets
 * `<job>-<id>-<part>`. They are gone as soon as the pod has it, or the job is over.
 */
export const jobMessage = {
  type: 'object',
  description:
    "The runner's message of a job that a proxy runner hands over: in which Secrets it waits for the pod. Only pools of " +
    'mode Worker take such a job. Written by the facade.',
  required: ['id', 'parts'],
  properties: {
    id: {
      type: 'string',
      description: 'Distinguishes its Secrets from those of other attempts.',
      pattern: '^[a-z0-9]{1,16}$',
    },
    parts: { type: 'integer', description: 'Number of its Secrets.', format: 'int32', minimum: 1, maximum: 16 },
    runnerVersion: {
      type: 'string',
      description: "Version of the proxy's runner, which the runner in the pod must have as well.",
      pattern: '^\\d{1,9}(\\.\\d{1,9}){1,3}$',
    },
    serverUrl: {
      type: 'string',
      description: 'Address of the GitHub server, such as https://github.com.',
      maxLength: 256,
      pattern: '^https?://[\\w.:\\-]+(/[\\w.\\-]+)*$',
    },
  },
} as const satisfies Schema

/** The fields of the spec that never change. */
export const immutableFields: readonly string[] = [
  ...Object.keys(delegationFields),
  'delegatedAt',
  'message',
  'poolName',
]

/** One attempt that ended, and after which the job was tried again. */
const endedAttempt = {
  type: 'object',
  description: 'One attempt that ended before the current one.',
  required: ['number', 'poolName', 'reason', 'message', 'endedAt'],
  properties: {
    number: { type: 'integer', description: 'Number of the attempt, from 1.', format: 'int32', minimum: 1 },
    poolName: name('RunnerPool that the attempt ran in.'),
    runnerName: name('Runner of the attempt.'),
    podName: name('Pod of the attempt.'),
    podUID: name('UID of the pod, under which its log is kept.'),
    nodeName: name('Node of the pod. Later attempts avoid it.'),
    reason,
    message,
    exitCode: { type: 'integer', description: "Exit code of the job's container.", format: 'int32' },
    assignedAt: time('Time at which the attempt got its Runner.'),
    startedAt: time('Time at which the container started; absent if it never did.'),
    endedAt: time('Time at which the attempt ended.'),
    requeuedAt: time('Time at which the job went back into the queue, after the pause.'),
  },
} as const satisfies Schema

/** What was reserved for a job: whole numbers, so that sums and differences are exact. */
const requested = {
  type: 'object',
  description:
    'What was reserved for the job, in all of its attempts: the requests of its pods, as the scheduler counts them, for ' +
    'as long as they held their node. Written when an attempt ends.',
  required: ['cpuMillicoreSeconds', 'memoryMebibyteSeconds'],
  properties: {
    cpuMillicoreSeconds: {
      type: 'integer',
      description: 'Requested CPU, in thousandths of a core, times seconds.',
      format: 'int64',
      minimum: 0,
    },
    memoryMebibyteSeconds: {
      type: 'integer',
      description: 'Requested memory, in MiB, times seconds.',
      format: 'int64',
      minimum: 0,
    },
  },
} as const satisfies Schema

export const runnerJobSpec = {
  type: 'object',
  description: 'The delegated job, and how to run it.',
  required: ['repository', 'runId', 'jobId'],
  properties: {
    ...delegationFields,
    delegatedAt: time('Time of the delegation, in milliseconds. If absent, the creation time counts.'),
    message: jobMessage,
    poolName: name('RunnerPool to run in, whatever the labels are. The pool must still allow the repository.'),
    priority: priority(
      'Jobs with a higher priority get a slot of their pool first. Absent: the priorities of the pool decide. No ' +
        'delegation can set it.',
    ),
    cancel: { type: 'boolean', description: 'Set to true to cancel the job. Cannot be undone.', default: false },
    timeoutSeconds: {
      ...deadline(
        'Limit for the run, and for each of the stages before it that has no other one. After it the job fails with ' +
          'reason JobTimeout. The limits of the pool count as well.',
      ),
      default: 21_600,
    },
    queueTimeoutSeconds: deadline('Limit for the wait in the queue. Absent: timeoutSeconds.'),
    startTimeoutSeconds: deadline('Limit for the start of the pod. Absent: timeoutSeconds.'),
    ttlSecondsAfterFinished: {
      type: 'integer',
      description: 'Time between the end of the job and the deletion of the RunnerJob.',
      format: 'int64',
      minimum: 0,
      maximum: 31_536_000,
      default: 86_400,
    },
  },
  'x-kubernetes-validations': [
    { rule: 'self.cancel || !oldSelf.cancel', message: 'cancel cannot be undone', fieldPath: '.cancel' },
  ],
} as const satisfies Schema

export const runnerJobStatus = {
  type: 'object',
  description: 'State of the job. Only the operator writes it.',
  // It stays if there is no operator. An operator replaces it with its first status write, at no extra cost.
  default: {
    phase: 'Queued',
    reason: NO_OPERATOR,
    message: 'No operator has looked at this job yet. If this stays for a minute, no operator serves its namespace.',
  },
  required: ['phase'],
  properties: {
    phase: { type: 'string', description: 'Phase of the job. The last three are final.', enum: jobPhases },
    reason,
    message,
    runnerRef: {
      type: 'object',
      description: 'Runner that the job was assigned to.',
      required: ['name', 'uid'],
      properties: { name: name('Name of the Runner.'), uid: name('UID of the Runner.') },
    },
    queuePosition: {
      type: 'integer',
      description:
        'Position in the queue of its pool, while the job waits there; 1 is next. It is written first when the job has ' +
        'waited for a second, and then when it passes a power of two. REST has the current one.',
      format: 'int32',
      minimum: 1,
    },
    poolName: name('RunnerPool that gave the job its slot.'),
    turn,
    podName: name('Pod of the job.'),
    podUID: name('UID of the pod. Once it is set, this attempt never gets another pod.'),
    containerId: name("ID of the job's container in the container runtime."),
    nodeName: name('Node of the pod.'),
    reported: {
      type: 'object',
      description: 'Last report of a proxy runner. It is shown until a pod provides the same facts.',
      required: ['at'],
      properties: {
        runnerId: text(253, 'Runner ID in the report.'),
        containerId: text(253, 'Container ID in the report.'),
        at: time('Time of the last report.'),
        completedAt: time('Time at which proxy-complete reported the end.'),
      },
    },
    result: { type: 'string', description: "The runner's own word, where a runner ran the job.", enum: jobResults },
    exitCode: { type: 'integer', description: "Exit code of the job's container.", format: 'int32' },
    assignedAt: time('Time at which the job got its Runner.'),
    startedAt: time('Time at which the container started.'),
    completedAt: time('Time at which the job ended.'),
    requested,
    attempts: {
      type: 'array',
      description: 'Earlier attempts, oldest first. The other fields describe the current attempt.',
      maxItems: MAX_ATTEMPTS - 1,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['number'],
      items: endedAttempt,
    },
    nextAttemptAt: time(
      'Time of the next attempt, while the job waits for that. It begins later if the pod of the last attempt is still there.',
    ),
    conditions,
    observedGeneration: {
      type: 'integer',
      description: 'metadata.generation that the status was computed from.',
      format: 'int64',
    },
  },
  'x-kubernetes-validations': [
    {
      rule: "!(oldSelf.phase in ['Completed', 'Failed', 'Cancelled']) || self.phase == oldSelf.phase",
      message: 'a finished job keeps its phase',
      fieldPath: '.phase',
    },
  ],
} as const satisfies Schema

export type RunnerJobSpec = FromSchema<typeof runnerJobSpec>
export type NewRunnerJobSpec = NewFromSchema<typeof runnerJobSpec>
export type RunnerJobStatus = FromSchema<typeof runnerJobStatus>
/** What was reserved for a job. */
export type Requested = FromSchema<typeof requested>
/** One attempt that ended, and after which the job was tried again. */
export type EndedAttempt = FromSchema<typeof endedAttempt>

const { cancel, timeoutSeconds, ttlSecondsAfterFinished } = runnerJobSpec.properties

/** The defaults that the API server sets. */
export const runnerJobDefaults = {
  cancel: cancel.default,
  timeoutSeconds: timeoutSeconds.default,
  ttlSecondsAfterFinished: ttlSecondsAfterFinished.default,
}

/** One delegation of a GitHub Actions job. */
export interface RunnerJob extends KubeObject {
  spec: RunnerJobSpec
  status: RunnerJobStatus
}

export const runnerJobs: Resource<RunnerJob> = {
  group: GROUP,
  version: VERSION,
  plural: 'runnerjobs',
  kind: 'RunnerJob',
}

/** Longest name of a RunnerJob: the name of its pod adds `-<attempt>` and must fit into a label. */
export const MAX_JOB_NAME = 57
