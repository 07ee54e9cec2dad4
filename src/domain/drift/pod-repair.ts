import { GROUP, OUTCOME_FINALIZER } from '../../api/names.ts'
import { controllerOf, controllerRef, type ObjectMeta } from '../../api/object.ts'
import { isHeldPod, type Pod } from '../../api/pod.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import { type Runner, runners } from '../../api/runner.ts'
import { isFinished } from '../job/phases.ts'
import { lostLabels } from '../runner/desired-pod.ts'

/** Metadata that a pod lost, as a merge patch. */
export type PodRepair = Pick<ObjectMeta, 'labels' | 'ownerReferences' | 'finalizers'>

/** The objects that decide what a pod needs. `runner` is the pod's own, if it is there. */
export interface PodOwners {
  job: RunnerJob
  runner: Runner | undefined
}

/**
 * What has to be restored of a pod that is not being deleted; empty if nothing is missing. A pod needs our finalizer as
 * long as its outcome is not stored. A controller of another group keeps the pod.
 */
export function podRepair(pod: Pod, { job, runner }: PodOwners): PodRepair {
  const { finalizers = [], ownerReferences = [] } = pod.metadata
  const labels = runner === undefined ? {} : lostLabels(pod, runner, job)
  const isOwned = runner === undefined || controllerOf(pod)?.uid === runner.metadata.uid
  const others = ownerReferences.filter(({ controller }) => controller !== true)
  return {
    ...(Object.keys(labels).length > 0 && { labels }),
    ...(!isOwned &&
      foreignController(pod) === undefined && { ownerReferences: [...others, controllerRef(runners, runner)] }),
    ...(!isFinished(job) && !isHeldPod(pod) && { finalizers: [...finalizers, OUTCOME_FINALIZER] }),
  }
}

/** The object of another API group that controls the pod, in words. */
export function foreignController(pod: Pod): string | undefined {
  const controller = controllerOf(pod)
  if (controller === undefined || controller.apiVersion.startsWith(`${GROUP}/`)) return undefined
  return `${controller.kind} ${controller.name}`
}

/** What is missing, in words. */
export function missingOf(repair: PodRepair): string[] {
  return [
    ...(repair.finalizers === undefined ? [] : ['its finalizer']),
    ...(repair.ownerReferences === undefined ? [] : ['its owner']),
    ...(repair.labels === undefined ? [] : ['labels']),
  ]
}
