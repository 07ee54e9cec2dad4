import type { KubeObject, Resource } from './object.ts'
import { conditions, labels, message, priority, text, time } from './fields.ts'
import { GROUP, VERSION } from './names.ts'
import { deadline } from './deadlines.ts'
import { poolRetry } from './retry.ts'
import type { FromSchema, Schema } from './schema.ts'

/** What the pods of a pool run: the template as it stands, or a runner's Worker with the message of a handed-over job. */
export const poolModes = ['Template', 'Worker'] as const
export type PoolMode = (typeof poolModes)[number]

/** Limits of a pool that may be reached, as the paths of their fields in `spec`. */
export const poolLimits = ['paused', 'maxRunners', 'perRepository.maxRunning'] as const
export type PoolLimit = (typeof poolLimits)[number]

/** Facts of a job that its pod may have as labels. */
export const podLabels = ['Repository', 'Workflow'] as const
export type PodLabel = (typeof podLabels)[number]

/** A repository as owner/name, or several with *. */
const repositoryGlob = {
  type: 'string',
  description: 'One repository, or several with *.',
  maxLength: 140,
  pattern: '^[A-Za-z0-9_.*-]+/[A-Za-z0-9_.*-]+$',
} as const satisfies Schema

const globs = ' * matches any text.'

/** Which jobs have which priority. */
const priorityRule = {
  type: 'object',
  description: 'Jobs that have everything that the rule names have its priority.',
  required: ['priority'],
  properties: {
    priority: priority('Priority of these jobs.'),
    repository: { ...repositoryGlob, description: 'Repositories of the jobs, in any case.' + globs },
    event: text(64, 'GitHub events of the jobs.' + globs),
    ref: text(1024, 'Git refs of the jobs, such as refs/heads/main.' + globs),
    workflow: text(256, 'Names of the workflows of the jobs.' + globs),
  },
} as const satisfies Schema
export type PriorityRule = FromSchema<typeof priorityRule>

/** In this time a waiting job makes up for one point of priority. */
export const DEFAULT_AGING_SECONDS = 60

/** Where the runner is installed in its official image. */
export const DEFAULT_RUNNER_DIRECTORY = '/home/runner'

export const runnerPoolSpec = {
  type: 'object',
  description: 'Template and limits of runner pods.',
  required: ['template'],
  properties: {
    labels: {
      ...labels,
      description:
        'Labels that runners of this pool offer. The pool fits a job if it offers all of its labels, ignoring case. Of ' +
        'several fitting pools the one with the most labels wins, then the first by name, even for a job with few ' +
        'labels. Therefore give a pool for special jobs only its special labels.',
    },
    repositories: {
      type: 'array',
      description:
        'Repositories that may use the pool, as owner/name, where * matches any text. Absent or empty allows all.',
      maxItems: 256,
      'x-kubernetes-list-type': 'atomic',
      items: repositoryGlob,
    },
    mode: {
      type: 'string',
      description:
        'Template: pods run what the template says, for jobs that are delegated by their facts alone. Worker: the ' +
        "runner container's image has a GitHub runner installed, whose Worker runs jobs that a proxy runner hands over " +
        'with their message. Each mode takes only its own kind of job.',
      enum: poolModes,
      default: 'Template',
    },
    worker: {
      type: 'object',
      description: 'Settings of mode Worker.',
      properties: {
        runnerDirectory: {
          type: 'string',
          description:
            'Where the runner is installed in the image. Absent: workingDir of the runner container, else ' +
            `${DEFAULT_RUNNER_DIRECTORY}.`,
          maxLength: 1024,
          pattern: '^/\\P{Cc}*$',
        },
      },
    },
    template: {
      type: 'object',
      description:
        'A pod template (metadata.labels, metadata.annotations, spec). The container named "runner", or else the first ' +
        'one, runs the job. The operator adds the facts of the delegation as RUNNERHUB_* variables, and restricted ' +
        'security defaults where the template sets none. The pool is not ready if the template has unknown fields, or ' +
        'fields that a runner pod cannot have (a name, finalizers, owners, a restartPolicy other than Never).',
      required: ['spec'],
      properties: {
        metadata: {
          type: 'object',
          description: 'Labels and annotations of the pods.',
          'x-kubernetes-preserve-unknown-fields': true,
        },
        spec: {
          type: 'object',
          description: 'A PodSpec. The API server checks it with a strict dry-run create.',
          'x-kubernetes-preserve-unknown-fields': true,
        },
      },
    },
    maxRunners: {
      type: 'integer',
      description: 'Maximum number of runner pods at a time. Further jobs wait for their turn.',
      format: 'int32',
      minimum: 0,
      maximum: 100_000,
      default: 20,
    },
    perRepository: {
      type: 'object',
      description: 'Limits of each repository in this pool.',
      properties: {
        maxRunning: {
          type: 'integer',
          description: 'Maximum number of runner pods of one repository at a time. Absent: only maxRunners counts.',
          format: 'int32',
          minimum: 1,
          maximum: 100_000,
        },
        weights: {
          type: 'array',
          description:
            'Shares of the slots while several repositories wait. The first entry that fits a repository counts. ' +
            'Without one, the weight is 1.',
          maxItems: 256,
          'x-kubernetes-list-type': 'atomic',
          items: {
            type: 'object',
            description: 'Weight of one repository, or of each of several.',
            required: ['repository', 'weight'],
            properties: {
              repository: repositoryGlob,
              weight: {
                type: 'integer',
                description: 'A repository of weight 2 gets twice as many slots as one of weight 1.',
                format: 'int32',
                minimum: 1,
                maximum: 1000,
              },
            },
          },
        },
      },
    },
    priorities: {
      type: 'array',
      description:
        'Priorities of jobs that have none of their own. The first rule that fits counts; without one it is 0. Events, ' +
        'refs and workflows are what the delegation says they are.',
      maxItems: 256,
      'x-kubernetes-list-type': 'atomic',
      items: priorityRule,
    },
    priorityAgingSeconds: {
      type: 'integer',
      description:
        'In this time a waiting job makes up for one point of priority, so that none waits for ever. ' +
        `${DEFAULT_AGING_SECONDS} if absent.`,
      format: 'int32',
      minimum: 1,
      maximum: 86_400,
    },
    paused: {
      type: 'boolean',
      description: 'While true, no job starts: those that run go on to their end, and the others wait.',
    },
    queueTimeoutSeconds: deadline('Longest wait of a job in the queue of this pool, if the job has no shorter limit.'),
    startTimeoutSeconds: deadline('Longest start of a pod, if its job has no shorter limit.'),
    timeoutSeconds: deadline('Longest run of a job in this pool, if the job has no shorter limit.'),
    drainDeadlineSeconds: deadline(
      'Longest run of a job of this pool after its node has begun to be drained. Then the job is stopped and fails with ' +
        'reason Drained. Absent: a drain waits for the end of the job.',
    ),
    retry: poolRetry,
    prePull: {
      type: 'boolean',
      description:
        'Keeps the images of the template on the nodes of the pool, so that the start of a job waits for no pull: a ' +
        'DaemonSet for each processor architecture runs a tiny container of each image there. status.images says where ' +
        'they are.',
    },
    attribution: {
      type: 'object',
      description: 'What shows to whom the costs of pods belong.',
      properties: {
        podLabels: {
          type: 'array',
          description:
            'Labels of the pods, for cost tools: Repository sets runnerhub.dev/repository, and Workflow sets ' +
            'runnerhub.dev/workflow. They may add many values to what such tools store.',
          maxItems: 2,
          'x-kubernetes-list-type': 'set',
          items: { type: 'string', description: 'One fact of the job.', enum: podLabels },
        },
      },
    },
    finishedJobsLimit: {
      type: 'integer',
      description:
        'Maximum number of finished jobs of this pool that are kept. The oldest are deleted first; those that a proxy ' +
        'runner handed over stay for a minute at least, so that it can read their end. Absent: only their TTL counts.',
      format: 'int32',
      minimum: 0,
      maximum: 1_000_000,
    },
    finishedJobTTLSeconds: {
      type: 'integer',
      description:
        'Longest time for which a finished job of this pool is kept. The ttlSecondsAfterFinished of a job may be shorter.',
      format: 'int64',
      minimum: 0,
      maximum: 31_536_000,
    },
    finishedPodTTLSeconds: {
      type: 'integer',
      description: 'Time for which a finished pod and its Runner are kept, for the log.',
      format: 'int64',
      minimum: 0,
      maximum: 604_800,
      default: 600,
    },
  },
} as const satisfies Schema

/** Where an image of a pool is. */
const imagePresence = {
  type: 'object',
  description: 'One image.',
  required: ['image', 'nodes', 'desiredNodes'],
  properties: {
    image: { type: 'string', description: 'Image, as the template names it.', maxLength: 4096 },
    nodes: { type: 'integer', description: 'Number of nodes that have it.', format: 'int32' },
    desiredNodes: { type: 'integer', description: 'Number of nodes that are to have it.', format: 'int32' },
    message: { ...message, description: 'Why a node cannot pull it, in the words of its registry or runtime.' },
  },
} as const satisfies Schema
export type ImagePresence = FromSchema<typeof imagePresence>

export const runnerPoolStatus = {
  type: 'object',
  description: 'State of the pool. Only the operator writes it.',
  properties: {
    conditions,
    running: {
      type: 'integer',
      description: 'Runner pods whose job runs. This and the following are up to a few seconds old.',
      format: 'int32',
    },
    starting: { type: 'integer', description: 'Jobs that have their slot and do not run yet.', format: 'int32' },
    queued: { type: 'integer', description: 'Jobs that wait for a slot of this pool.', format: 'int32' },
    oldestQueuedAt: time('When the oldest of the waiting jobs was delegated. Absent: no job waits.'),
    limitsReached: {
      type: 'array',
      description: 'Fields of spec that keep jobs from starting now: paused, maxRunners, perRepository.maxRunning.',
      maxItems: 16,
      'x-kubernetes-list-type': 'set',
      items: { type: 'string', description: 'Path of the field in spec.', maxLength: 64 },
    },
    images: {
      type: 'array',
      description: 'With prePull: on how many nodes the images of the template are.',
      maxItems: 32,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['image'],
      items: imagePresence,
    },
    observedGeneration: {
      type: 'integer',
      description: 'metadata.generation that the status was computed from.',
      format: 'int64',
    },
  },
} as const satisfies Schema

export type RunnerPoolSpec = FromSchema<typeof runnerPoolSpec>
export type RunnerPoolStatus = FromSchema<typeof runnerPoolStatus>

/** A template for runner pods, with limits. */
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
