import { POOL_LABEL, repositoryKey } from '../../api/names.ts'
import { controllerUid, keyOf, type ObjectMeta } from '../../api/object.ts'
import type { Pod } from '../../api/pod.ts'
import type { Runner } from '../../api/runner.ts'
import { type Caches, jobOf } from '../../cluster/caches.ts'
import type { PodState } from '../../domain/pod/state.ts'
import { occupiesSlot } from '../../domain/pool/slots.ts'
import { jobKeyAt } from '../../domain/runner/keys.ts'
import type { Slot } from './slot-counts.ts'

/** The slot that the Runner with this key, or a pod of its name, occupies; undefined if it occupies none. */
export function occupiedSlot(caches: Caches, runnerKey: string): Slot | undefined {
  const known = caches.runners.get(runnerKey)
  const runner = known?.spec.type === 'Ephemeral' ? known : undefined
  const pod = caches.pods.get(runnerKey)
  if (!occupies(caches, runner, pod)) return undefined
  if (runner !== undefined) {
    // A pod may be refused for now for hours: its Runner keeps its slot, but does not keep other Runners from starting.
    const hasPod = pod !== undefined || runner.status.reason !== undefined
    return slotIn(runner.metadata, runner.spec, { hasPod, isRunning: hasStarted(caches.podStates.of(pod)) })
  }
  if (pod === undefined) return undefined
  const isRunning = hasStarted(caches.podStates.of(pod))
  return slotIn(pod.metadata, formerRunner(caches, pod), { hasPod: true, isRunning })
}

function slotIn(
  { namespace = '' }: Pick<ObjectMeta, 'namespace'>,
  { poolName, repository = '' }: Partial<Pick<Runner['spec'], 'poolName' | 'repository'>>,
  progress: Pick<Slot, 'hasPod' | 'isRunning'>,
): Slot | undefined {
  if (poolName === undefined) return undefined
  return { poolKey: `${namespace}/${poolName}`, repository: repositoryKey(repository), ...progress }
}

/**
 * What a pod's Runner said. It may have been deleted before this process started: then, only for this count, the pod's
 * label names the pool, and the job of the pod the repository.
 */
function formerRunner(caches: Caches, pod: Pod): Partial<Runner['spec']> {
  const runner = caches.podRunners.of(pod)
  if (runner !== undefined) return runner.spec
  const poolName = pod.metadata.labels?.[POOL_LABEL]
  const job = caches.jobs.get(jobKeyAt(keyOf(pod)))
  const isOfJob = job !== undefined && caches.podRunners.isPodOf(pod, job)
  return { ...(poolName !== undefined && { poolName }), ...(isOfJob && { repository: job.spec.repository }) }
}

function occupies(caches: Caches, runner: Runner | undefined, pod: Pod | undefined): boolean {
  const { podStates } = caches
  // The pod of an earlier Runner of this name also holds its slot until it is terminal.
  const podOccupies = occupiesSlot(undefined, undefined, podStates.of(pod))
  if (runner === undefined || podOccupies) return podOccupies
  const own = jobOf(caches, runner)
  const isOfRunner = pod !== undefined && controllerUid(pod) === runner.metadata.uid
  return occupiesSlot(runner, own, podStates.of(isOfRunner ? pod : undefined))
}

/** A pod that runs nothing any more, and has not ended, ends in a moment. */
function hasStarted({ is }: PodState): boolean {
  return is !== 'absent' && is !== 'waiting'
}
