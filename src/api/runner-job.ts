import type { KubeObject, Resource } from './object.ts'
import { conditions, labels, message, name, nonEmptyText, reason, repository, text, time } from './fields.ts'
import { GROUP, VERSION } from './names.ts'
import { NO_OPERATOR } from './reasons.ts'
import { MAX_RUNNER_NAME } from './runner.ts'
import { type FromSchema, type NewFromSchema, type Schema, immutable } from './schema.ts'

export const jobPhases = ['Queued', 'Assigned', 'Running', 'Completed', 'Failed', 'Cancelled'] as const
export type JobPhase = (typeof jobPhases)[number]

/** The facts of a delegation, as a proxy runner hands them over. */
export const delegationFields = {
  repository,
  runId: nonEmptyText(64, 'GitHub run id, as text.'),
  jobId: nonEmptyText(256, 'GitHub job id, as text.'),
  runAttempt: { type: 'integer', description: 'Attempt of the GitHub run.', minimum: 1, maximum: 10_000 },
  workflow: text(256, 'Name of the workflow.'),
  runnerName: text(MAX_RUNNER_NAME, 'Name of the proxy runner that delegated the job.'),
  sha: { type: 'string', description: 'Commit, 6 to 64 hex digits.', pattern: '^[0-9a-fA-F]{6,64}$' },
  ref: text(1024, 'Git ref that triggered the run.'),
  eventName: text(64, 'GitHub event that triggered the run.'),
  actor: text(128, 'GitHub user that triggered the run.'),
  labels: { ...labels, description: 'What the job asks for (runs-on). A pool fits when it offers all of them.' },
} as const satisfies Record<string, Schema>

const required = ['repository', 'runId', 'jobId'] as const

export const runnerJobSpec = {
  type: 'object',
  description: 'What was delegated, and what is asked of the operator.',
  required,
  properties: {
    ...delegationFields,
    delegatedAt: time('When it was delegated, in milliseconds. Absent: the creation time.'),
    poolName: name('Run in this RunnerPool, whatever the labels say.'),
    cancel: { type: 'boolean', description: 'Set to true to cancel the job. Cannot be taken back.', default: false },
    timeoutSeconds: {
      type: 'integer',
      description:
        'Longest time the job may run, and likewise the longest time it may wait in the queue or for its pod to start. ' +
        'After it the job fails with reason JobTimeout.',
      format: 'int64',
      minimum: 1,
      maximum: 2_592_000,
      default: 21_600,
    },
    ttlSecondsAfterFinished: {
      type: 'integer',
      description: 'The RunnerJob is deleted this long after it finished.',
      format: 'int64',
      minimum: 0,
      maximum: 31_536_000,
      default: 86_400,
    },
  },
  'x-kubernetes-validations': [
    ...immutable({ required }, ...Object.keys(delegationFields), 'delegatedAt', 'poolName'),
    { rule: 'self.cancel || !oldSelf.cancel', message: 'cancel cannot be taken back', fieldPath: '.cancel' },
  ],
} as const satisfies Schema

export const runnerJobStatus = {
  type: 'object',
  description: 'Where the job is. Written by the operator only.',
  // It stays where no operator is; an operator writes over it with the first status that it writes in any case.
  default: {
    phase: 'Queued',
    reason: NO_OPERATOR,
    message: 'No operator has looked at this job yet. If this stays for a minute, no operator serves its namespace.',
  },
  required: ['phase'],
  properties: {
    phase: { type: 'string', description: 'State of the job. The last three are final.', enum: jobPhases },
    reason,
    message,
    runnerRef: {
      type: 'object',
      description: 'The Runner that the job was given to.',
      required: ['name', 'uid'],
      properties: { name: name('Its name.'), uid: name('Its UID.') },
    },
    podName: name('Pod that runs the job.'),
    podUID: name('UID of that pod. Once set, the job never starts in another pod.'),
    containerId: name("The container runtime's id of the job's container."),
    nodeName: name('Node that the pod runs on.'),
    reported: {
      type: 'object',
      description: 'What a proxy runner reported of the job; shown while no pod says otherwise.',
      required: ['at'],
      properties: {
        runnerId: text(253, 'Id of the runner that it named.'),
        containerId: text(253, 'Id of the container that it named.'),
        at: time('When it last reported.'),
        completedAt: time('When it reported by proxy-complete that the job is over.'),
      },
    },
    exitCode: { type: 'integer', description: "Exit code of the job's container.", format: 'int32' },
    assignedAt: time('When it was given to a Runner.'),
    startedAt: time('When its container started.'),
    completedAt: time('When it finished.'),
    conditions,
    observedGeneration: { type: 'integer', description: 'metadata.generation this was judged by.', format: 'int64' },
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

const { cancel, timeoutSeconds, ttlSecondsAfterFinished } = runnerJobSpec.properties

/** What the API server would fill in. */
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

/** Longest name of a RunnerJob: `-<attempt>` is appended for its pod, whose name must fit a label. */
export const MAX_JOB_NAME = 57
