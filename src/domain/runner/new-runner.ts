import { API_VERSION, JOB_LABEL, JOB_UID_LABEL, MANAGED_BY, MANAGED_BY_LABEL, POOL_LABEL } from '../../api/names.ts'
import { controllerRef, type NewObject } from '../../api/object.ts'
import { type RunnerJob, runnerJobs } from '../../api/runner-job.ts'
import type { RunnerPool } from '../../api/runner-pool.ts'
import type { Runner } from '../../api/runner.ts'
import type { Turn } from '../pool/queue.ts'
import { attemptOf, runnerName } from './keys.ts'

/** The Runner of a job's current attempt in a pool; `turn` is the one that got it its slot. */
export function newRunner(job: RunnerJob, pool: RunnerPool, turn?: Turn): NewObject<Runner> {
  const { name, uid, namespace } = job.metadata
  return {
    apiVersion: API_VERSION,
    kind: 'Runner',
    metadata: {
      name: runnerName(job),
      ...(namespace !== undefined && { namespace }),
      labels: {
        [MANAGED_BY_LABEL]: MANAGED_BY,
        [JOB_LABEL]: name,
        [JOB_UID_LABEL]: uid,
        [POOL_LABEL]: pool.metadata.name,
      },
      ownerReferences: [controllerRef(runnerJobs, job)],
    },
    spec: {
      type: 'Ephemeral',
      repository: job.spec.repository,
      ...(job.spec.labels !== undefined && { labels: job.spec.labels }),
      poolName: pool.metadata.name,
      jobRef: { name, uid },
      attempt: attemptOf(job),
      ...(turn !== undefined && { turn }),
    },
  }
}
