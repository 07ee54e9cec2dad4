import type { RunnerJob } from '../../api/runner-job.ts'
import type { RunnerPool } from '../../api/runner-pool.ts'
import { queuedSince, stageTimes } from './status.ts'
import { type JobView, placeOf } from './view.ts'

/** The stage that a job is in: each has its own limit. */
export type Stage = 'queue' | 'start' | 'run'

/** The field with the limit of each stage, of jobs and pools alike. */
const fields = { queue: 'queueTimeoutSeconds', start: 'startTimeoutSeconds', run: 'timeoutSeconds' } as const

/** The limit of a stage, and where it comes from. */
export interface StageLimit {
  stage: Stage
  seconds: number
  /** The name of the field, and the pool if it is the pool's. */
  source: string
  /** When the stage is over at the latest, in milliseconds since the epoch. */
  endsMs: number
}

/**
 * The limit for the current stage of a job: waiting for a Runner (from creation or since it is back in the queue, by the
 * cluster's clock), starting, running. The shorter one of the job's and the pool's counts. In the pause after an attempt
 * the job is in no queue: until the pause and the last pod are over, only timeoutSeconds limits it.
 */
export function stageLimitOf(view: Pick<JobView, 'job' | 'runner' | 'pod' | 'pool' | 'now'>): StageLimit {
  const { job, pool, now } = view
  const { startedAt, assignedAt } = stageTimes(job, placeOf(view), now)
  const stage: Stage = startedAt !== undefined ? 'run' : assignedAt !== undefined ? 'start' : 'queue'
  const field = job.status.nextAttemptAt === undefined ? fields[stage] : fields.run
  const own = ownLimit(job, field)
  const seconds = field === fields[stage] ? pool?.spec[field] : undefined
  const limit =
    pool === undefined || seconds === undefined || seconds >= own.seconds
      ? own
      : { seconds, source: sourceIn(pool, stage) }
  const sinceMs = Date.parse(startedAt ?? assignedAt ?? queuedSince(job))
  return { stage, ...limit, endsMs: sinceMs + limit.seconds * 1000 }
}

function ownLimit({ spec }: RunnerJob, field: (typeof fields)[Stage]): Pick<StageLimit, 'seconds' | 'source'> {
  const seconds = spec[field]
  if (seconds !== undefined) return { seconds, source: field }
  return { seconds: spec.timeoutSeconds, source: fields.run }
}

function sourceIn({ metadata }: RunnerPool, stage: Stage): string {
  return `${fields[stage]} of RunnerPool ${metadata.name}`
}

/** The limits of a pool, as one text: a change of it concerns the jobs of the pool. */
export function limitsOf(pool: RunnerPool | undefined): string {
  const { queueTimeoutSeconds, startTimeoutSeconds, timeoutSeconds, drainDeadlineSeconds } = pool?.spec ?? {}
  return [queueTimeoutSeconds, startTimeoutSeconds, timeoutSeconds, drainDeadlineSeconds].join(' ')
}
