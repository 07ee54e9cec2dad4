import type { RunnerJob } from '../api/runner-job.ts'
import type { Caches } from '../cluster/caches.ts'
import { assignedAtOf, poolOf } from '../cluster/job-places.ts'
import { delegatedAt } from '../domain/job/status.ts'

/** What a list shows of a job besides its state. Unknown values are null. */
export interface JobFacts {
  workflow: string | null
  runnerName: string | null
  pool: string | null
  delegatedAt: string
  assignedAt: string | null
  startedAt: string | null
  completedAt: string | null
}

/** The facts of a job as they are now. */
export function jobFacts(caches: Pick<Caches, 'runners'>, job: RunnerJob): JobFacts {
  const { spec, status } = job
  return {
    workflow: spec.workflow ?? null,
    runnerName: spec.runnerName ?? null,
    pool: poolOf(caches, job) ?? null,
    delegatedAt: delegatedAt(job),
    assignedAt: assignedAtOf(caches, job) ?? null,
    startedAt: status.startedAt ?? null,
    completedAt: status.completedAt ?? null,
  }
}
