import type { FromSchema, Schema } from './schema.ts'

/** Most attempts of one job. */
export const MAX_ATTEMPTS = 10

/** Ends of a job that had started, after which a pool may allow another attempt. */
export const retryCauses = ['Evicted', 'Preempted', 'NodeLost', 'PodDeleted', 'OOMKilled', 'ExitCode'] as const
export type RetryCause = (typeof retryCauses)[number]

/** The field `retry` of a RunnerPool. */
export const poolRetry = {
  type: 'object',
  description:
    'Further attempts of a job whose attempt ended early. An attempt whose container never started is tried again up ' +
    'to maxAttempts; one that had started only for the given reasons.',
  properties: {
    maxAttempts: {
      type: 'integer',
      description: 'Most attempts of a job, the first included. 1 means that no job is tried again.',
      format: 'int32',
      minimum: 1,
      maximum: MAX_ATTEMPTS,
      default: 3,
    },
    reasons: {
      type: 'array',
      description:
        'Ends after which a job that had started is tried again, as reasons of the job; Evicted includes Drained. Only ' +
        'for jobs that may run twice. A job with a message never is: its runner can run it only once.',
      maxItems: retryCauses.length,
      'x-kubernetes-list-type': 'set',
      items: { type: 'string', description: 'One reason.', enum: retryCauses },
    },
    backoffSeconds: {
      type: 'integer',
      description:
        'Pause before the second attempt. It doubles before each further one, up to ten minutes, and up to half of ' +
        'it is added at random.',
      format: 'int64',
      minimum: 1,
      maximum: 600,
      default: 10,
    },
    budget: {
      type: 'object',
      description:
        'Most further attempts within a time window, so that a broken node or image does not use up the cluster. ' +
        'Beyond it jobs fail with reason RetryBudgetSpent.',
      properties: {
        windowSeconds: {
          type: 'integer',
          description: 'Length of the window.',
          format: 'int64',
          minimum: 60,
          maximum: 86_400,
          default: 3600,
        },
        perRepository: {
          type: 'integer',
          description: 'Most further attempts of the jobs of one repository in this pool.',
          format: 'int32',
          minimum: 0,
          maximum: 100_000,
          default: 20,
        },
        perPool: {
          type: 'integer',
          description: 'Most further attempts of all jobs in this pool.',
          format: 'int32',
          minimum: 0,
          maximum: 100_000,
          default: 100,
        },
      },
    },
  },
} as const satisfies Schema

export type PoolRetry = FromSchema<typeof poolRetry>
