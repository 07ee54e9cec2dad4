import type { KubeObject, Resource } from './object.ts'
import { labels, message, name, reason, repository } from './fields.ts'
import { GROUP, VERSION } from './names.ts'
import type { FromSchema, Schema } from './schema.ts'

export const runnerPhases = ['Starting', 'Idle', 'Busy', 'Stopping', 'Offline'] as const
export type RunnerPhase = (typeof runnerPhases)[number]

export const runnerSpec = {
  type: 'object',
  description: 'A place where a job runs.',
  required: ['type', 'repository', 'poolName', 'jobRef'],
  properties: {
    type: { type: 'string', description: 'Ephemeral: one pod, for one job.', enum: ['Ephemeral'] },
    repository,
    labels: { ...labels, description: 'Labels that the job asked for.' },
    poolName: name('RunnerPool whose template and limits apply.'),
    jobRef: {
      type: 'object',
      description: 'The RunnerJob it was made for.',
      required: ['name', 'uid'],
      properties: { name: name('Its name.'), uid: name('Its UID.') },
    },
    attempt: {
      type: 'integer',
      description: 'Which attempt to run the job this is.',
      format: 'int32',
      minimum: 1,
      maximum: 99_999,
      default: 1,
    },
  },
  'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'a Runner is made for one job and never changes' }],
} as const satisfies Schema

export const runnerStatus = {
  type: 'object',
  description: 'What the Runner is doing. Written by the operator only.',
  default: { phase: 'Starting' },
  required: ['phase'],
  properties: {
    phase: { type: 'string', description: 'State of the Runner.', enum: runnerPhases },
    reason,
    message,
    podName: name('Its pod.'),
    podUID: name('UID of its pod. Once set, the Runner never makes another pod.'),
    containerId: name("The container runtime's id of the job's container."),
    nodeName: name('Node that the pod runs on.'),
  },
} as const satisfies Schema

export type RunnerSpec = FromSchema<typeof runnerSpec>
export type RunnerStatus = FromSchema<typeof runnerStatus>

/** One place where one job runs; owns its pod, is owned by its RunnerJob. */
export interface Runner extends KubeObject {
  spec: RunnerSpec
  status: RunnerStatus
}

export const runners: Resource<Runner> = { group: GROUP, version: VERSION, plural: 'runners', kind: 'Runner' }
