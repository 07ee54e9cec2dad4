import { API_VERSION, JOB_LABEL, JOB_UID_LABEL, MANAGED_BY, MANAGED_BY_LABEL, POOL_LABEL } from '../../api/names.ts'
import { controllerRef, type NewObject } from '../../api/object.ts'
import { type RunnerJob, runnerJobs } from '../../api/runner-job.ts'
import type { RunnerPool } from '../../api/runner-pool.ts'
import type { Runner, RunnerSpec } from '../../api/runner.ts'
import type { Turn } from '../pool/queue.ts'
import { attemptOf, runnerName } from './keys.ts'

/** The Runner of a job's current attempt in a pool; `turn` is the one that got it its slot. */
export function newRunner(job: RunnerJob, pool: RunnerPool, turn?: Turn): NewObject<Runner> {
  const { name, uid, namespace } = job.metadata
  const poolName = pool.metadata.name
  const jobRef = { name, uid }
  return {
    apiVersion: API_VERSION,
    kind: 'Runner',
    metadata: {
      name: runnerName(job),
      ...(namespace !== undefined && { namespace }),
      labels: runnerLabels({ poolName, jobRef }),
      ownerReferences: [controllerRef(runnerJobs, job)],
    },
    spec: {
      type: 'Ephemeral',
      repository: job.spec.repository,
      ...(job.spec.labels !== undefined && { labels: job.spec.labels }),
      poolName,
      jobRef,
      attempt: attemptOf(job),
      ...(turn !== undefined && { turn }),
    },
  }
}

/** The labels that selectors find the Runner of a job by. */
export function runnerLabels({ jobRef, poolName }: Pick<RunnerSpec, 'jobRef' | 'poolName'>): Record<string, string> {
  return {
    [MANAGED_BY_LABEL]: MANAGED_BY,
    ...(jobRef !== undefined && { [JOB_LABEL]: jobRef.name, [JOB_UID_LABEL]: jobRef.uid }),
    ...(poolName !== undefined && { [POOL_LABEL]: poolName }),
  }
}
