import type { KubeObject, Resource } from './object.ts'
import { labels, message, name, nonEmptyText, reason, repository } from './fields.ts'
import { GROUP, VERSION } from './names.ts'
import type { FromSchema, Schema } from './schema.ts'

export const runnerPhases = ['Starting', 'Idle', 'Busy', 'Stopping', 'Offline'] as const
export type RunnerPhase = (typeof runnerPhases)[number]

/** Longest name that a proxy runner may call itself by. */
export const MAX_RUNNER_NAME = 128

export const runnerSpec = {
  type: 'object',
  description: 'A place where jobs run.',
  required: ['type'],
  properties: {
    type: {
      type: 'string',
      description:
        'Ephemeral: one pod, for one job. Proxy: a runner outside of the cluster that delegates jobs, or says that it ' +
        'is there. Dedicated: listed, and nothing more.',
      enum: ['Ephemeral', 'Proxy', 'Dedicated'],
    },
    displayName: nonEmptyText(MAX_RUNNER_NAME, 'What a proxy runner calls itself; the object is named by its hash.'),
    repository,
    labels: { ...labels, description: 'Labels that the job asked for; of a proxy runner its own.' },
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
  'x-kubernetes-validations': [
    {
      rule: "self == oldSelf || (self.type == 'Proxy' && oldSelf.type == 'Proxy' && self.displayName == oldSelf.displayName)",
      message: "a Runner is made for one job and never changes; of a proxy runner's all but its name may",
    },
    {
      rule: "self.type != 'Ephemeral' || (has(self.repository) && has(self.poolName) && has(self.jobRef))",
      message: 'an ephemeral Runner has repository, poolName and jobRef',
    },
    { rule: "self.type != 'Proxy' || has(self.displayName)", message: 'a proxy runner has a displayName' },
  ],
} as const satisfies Schema

/** Without conditions: phase, reason and message are all that there is to say, and its job has those to wait for. */
export const runnerStatus = {
  type: 'object',
  description: 'What the Runner is doing. Written by the operator only.',
  default: { phase: 'Starting' },
  required: ['phase'],
  properties: {
    phase: {
      type: 'string',
      description:
        'State of the Runner. Of a proxy runner only Idle and Offline are stored: its jobs say when it is busy.',
      enum: runnerPhases,
    },
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

/** One place where jobs run. An ephemeral one owns its pod and is owned by its RunnerJob. */
export interface Runner extends KubeObject {
  spec: RunnerSpec
  status: RunnerStatus
}

export const runners: Resource<Runner> = { group: GROUP, version: VERSION, plural: 'runners', kind: 'Runner' }
