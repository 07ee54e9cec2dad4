import type { KubeObject, Resource } from './object.ts'
import { conditions, labels } from './fields.ts'
import { GROUP, VERSION } from './names.ts'
import type { FromSchema, Schema } from './schema.ts'

export const runnerPoolSpec = {
  type: 'object',
  description: 'A template for runner pods, and the limits they are made in.',
  required: ['template'],
  properties: {
    labels: {
      ...labels,
      description:
        'What runners of this pool offer. A job fits when every label it asks for is here, upper and lower case alike. ' +
        'Of several fitting pools the one with the most labels wins, then the first by name; also for jobs that ask ' +
        'for few. So give a pool for special jobs only its special labels.',
    },
    repositories: {
      type: 'array',
      description:
        'Repositories that may use the pool, as owner/name, where * stands for any text. Absent or empty: all.',
      maxItems: 256,
      'x-kubernetes-list-type': 'atomic',
      items: {
        type: 'string',
        description: 'One repository, or several with *.',
        maxLength: 140,
        pattern: '^[A-Za-z0-9_.*-]+/[A-Za-z0-9_.*-]+$',
      },
    },
    template: {
      type: 'object',
      description:
        'A pod template (metadata.labels, metadata.annotations, spec). The container named "runner", else the first, ' +
        "is the job's. The operator adds the delegation's facts as RUNNERHUB_* variables, and restricted security " +
        'defaults where the template says nothing. A template with unknown fields, or with what a runner pod cannot ' +
        'have (a name, finalizers, owners, a restartPolicy other than Never), makes the pool not ready.',
      required: ['spec'],
      properties: {
        metadata: {
          type: 'object',
          description: 'Labels and annotations for the pods.',
          'x-kubernetes-preserve-unknown-fields': true,
        },
        spec: {
          type: 'object',
          description: 'A PodSpec, checked by the API server with a strict dry-run create.',
          'x-kubernetes-preserve-unknown-fields': true,
        },
      },
    },
    maxRunners: {
      type: 'integer',
      description: 'Most runner pods at once. Further jobs wait, first in, first out.',
      format: 'int32',
      minimum: 0,
      maximum: 100_000,
      default: 20,
    },
    finishedPodTTLSeconds: {
      type: 'integer',
      description: 'A finished pod and its Runner are kept this long, for their logs.',
      format: 'int64',
      minimum: 0,
      maximum: 604_800,
      default: 600,
    },
  },
} as const satisfies Schema

export const runnerPoolStatus = {
  type: 'object',
  description: 'Whether the pool can be used. Written by the operator only.',
  properties: {
    conditions,
    observedGeneration: { type: 'integer', description: 'metadata.generation this was judged by.', format: 'int64' },
  },
} as const satisfies Schema

export type RunnerPoolSpec = FromSchema<typeof runnerPoolSpec>
export type RunnerPoolStatus = FromSchema<typeof runnerPoolStatus>

/** A template for runner pods and its limits. */
export interface RunnerPool extends KubeObject {
  spec: RunnerPoolSpec
  status?: RunnerPoolStatus
}

export const runnerPools: Resource<RunnerPool> = {
  group: GROUP,
  version: VERSION,
  plural: 'runnerpools',
  kind: 'RunnerPool',
}
