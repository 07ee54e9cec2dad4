import { controllerRef, controllerUid, type ObjectMeta } from '../../api/object.ts'
import { type RunnerJob, runnerJobs } from '../../api/runner-job.ts'
import type { Runner } from '../../api/runner.ts'
import { runnerLabels } from '../runner/new-runner.ts'

/** Metadata that a Runner lost. */
export type RunnerRepair = Pick<ObjectMeta, 'labels' | 'ownerReferences'>

/** What has to be restored of a job's Runner; empty if nothing is missing. */
export function runnerRepair({ metadata, spec }: Runner, job: RunnerJob): RunnerRepair {
  const { labels = {}, ownerReferences = [] } = metadata
  const wanted = runnerLabels(spec)
  const hasLabels = Object.entries(wanted).every(([name, value]) => labels[name] === value)
  const others = ownerReferences.filter(({ controller }) => controller !== true)
  const isOwned = controllerUid({ metadata }) === job.metadata.uid
  return {
    ...(!hasLabels && { labels: { ...labels, ...wanted } }),
    ...(!isOwned && { ownerReferences: [...others, controllerRef(runnerJobs, job)] }),
  }
}
