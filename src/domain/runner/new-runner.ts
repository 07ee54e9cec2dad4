import { API_VERSION, JOB_LABEL, JOB_UID_LABEL, MANAGED_BY, MANAGED_BY_LABEL, POOL_LABEL } from '../../api/names.ts'
import { controllerRef, type NewObject } from '../../api/object.ts'
import { type RunnerJob, runnerJobs } from '../../api/runner-job.ts'
import type { RunnerPool } from '../../api/runner-pool.ts'
import type { Runner } from '../../api/runner.ts'
import { runnerName } from './keys.ts'

/** The Runner of a job in a pool. */
export function newRunner(job: RunnerJob, pool: RunnerPool): NewObject<Runner> {
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
      attempt: 1,
    },
  }
}
