import type { KubeObject, Resource } from './object.ts'
import { labels, message, name, nonEmptyText, reason, repository, turn } from './fields.ts'
import { GROUP, VERSION } from './names.ts'
import type { FromSchema, Schema } from './schema.ts'

export const runnerPhases = ['Starting', 'Idle', 'Busy', 'Stopping', 'Offline'] as const
export type RunnerPhase = (typeof runnerPhases)[number]

/** Longest displayName of a proxy runner. */
export const MAX_RUNNER_NAME = 128

export const runnerSpec = {
  type: 'object',
  description: 'Type of the Runner, and its job.',
  required: ['type'],
  properties: {
    type: {
      type: 'string',
      description:
        'Ephemeral: one pod for one job. Proxy: a runner outside of the cluster that delegates jobs or sends ' +
        'heartbeats. Dedicated: listed, and nothing more.',
      enum: ['Ephemeral', 'Proxy', 'Dedicated'],
    },
    displayName: nonEmptyText(
      MAX_RUNNER_NAME,
      'Name that a proxy runner gives itself. The object is named by its hash.',
    ),
    repository,
    labels: { ...labels, description: 'Labels that the job asks for. For a proxy runner, its own labels.' },
    poolName: name('RunnerPool whose template and limits apply.'),
    jobRef: {
      type: 'object',
      description: 'RunnerJob that the Runner was created for.',
      required: ['name', 'uid'],
      properties: { name: name('Name of the RunnerJob.'), uid: name('UID of the RunnerJob.') },
    },
    attempt: {
      type: 'integer',
      description: 'Attempt number of the job.',
      format: 'int32',
      minimum: 1,
      maximum: 99_999,
      default: 1,
    },
    turn,
  },
  'x-kubernetes-validations': [
    {
      rule: "self == oldSelf || (self.type == 'Proxy' && oldSelf.type == 'Proxy' && self.displayName == oldSelf.displayName)",
      message: 'a Runner is immutable, but a proxy runner may change everything except its type and displayName',
    },
    {
      rule: "self.type != 'Ephemeral' || (has(self.repository) && has(self.poolName) && has(self.jobRef))",
      message: 'an ephemeral Runner must have repository, poolName and jobRef',
    },
    { rule: "self.type != 'Proxy' || has(self.displayName)", message: 'a proxy runner must have a displayName' },
  ],
} as const satisfies Schema

/** It has no conditions: phase, reason and message are enough, and its job has the conditions to wait for. */
export const runnerStatus = {
  type: 'object',
  description: 'State of the Runner. Only the operator writes it.',
  default: { phase: 'Starting' },
  required: ['phase'],
  properties: {
    phase: {
      type: 'string',
      description:
        'Phase of the Runner. For a proxy runner only Idle and Offline are stored; REST derives busy from its jobs.',
      enum: runnerPhases,
    },
    reason,
    message,
    podName: name('Pod of the Runner.'),
    podUID: name('UID of the pod. Once it is set, the Runner never creates another pod.'),
    containerId: name("ID of the job's container in the container runtime."),
    nodeName: name('Node of the pod.'),
  },
} as const satisfies Schema

export type RunnerSpec = FromSchema<typeof runnerSpec>
export type RunnerStatus = FromSchema<typeof runnerStatus>

/** An ephemeral or proxy runner. An ephemeral Runner owns its pod, and its RunnerJob owns it. */
export interface Runner extends KubeObject {
  spec: RunnerSpec
  status: RunnerStatus
}

export const runners: Resource<Runner> = { group: GROUP, version: VERSION, plural: 'runners', kind: 'Runner' }
