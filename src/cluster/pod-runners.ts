import { JOB_UID_LABEL } from '../api/names.ts'
import { controllerUid, keyOf } from '../api/object.ts'
import { isHeldPod, type Pod } from '../api/pod.ts'
import type { RunnerJob } from '../api/runner-job.ts'
import type { Runner } from '../api/runner.ts'
import { Lru } from '../collections/lru.ts'
import { attemptAt, jobKeyAt } from '../domain/runner/keys.ts'
import type { Store } from '../kube/cache/store.ts'

/** Most remembered Runners that were deleted before their pod was seen: its create may have been in flight. */
const MOST_GONE = 1000

/**
 * The Runner of each pod, by the pod's owner reference. A deleted Runner is remembered as long as its pod exists, even
 * if the reference was removed, as in a deletion with --cascade=orphan.
 */
export class PodRunners {
  readonly #runners: Store<Runner>
  readonly #former = new Map<string, Runner>() // by the UID of the pod
  readonly #gone = new Lru<string, Runner>(MOST_GONE) // by their own UID

  constructor(runners: Store<Runner>, pods: Store<Pod>) {
    this.#runners = runners
    runners.onChange(({ key, old, now }) => {
      const pod = pods.get(key)
      const gone = old?.metadata.uid === now?.metadata.uid ? undefined : old
      if (gone === undefined) return
      if (pod !== undefined && isOwner(gone, pod)) this.#remember(pod, gone)
      else this.#gone.set(gone.metadata.uid, gone)
    })
    pods.onChange(({ key, old, now }) => {
      const pod = old ?? now
      const runner = pod && this.of(pod)
      if (now === undefined) this.#former.delete(pod?.metadata.uid ?? '')
      else if (old === undefined && runner !== undefined && this.#runners.get(key) !== runner)
        this.#remember(now, runner)
      else if (runner !== undefined && !isOwner(runner, now)) this.#remember(now, runner)
    })
  }

  /** The Runner of the pod, if it is known. */
  of(pod: Pod): Runner | undefined {
    const runner = this.#runners.get(keyOf(pod))
    if (runner !== undefined && isOwner(runner, pod)) return runner
    return this.#former.get(pod.metadata.uid) ?? this.#gone.get(controllerUid(pod) ?? '')
  }

  /**
   * Whether the pod was created for an attempt of this very job, not of an earlier one of the same name. If its Runner is unknown,
   * the job's status decides. If the status has nothing yet, the pod counts as the job's unless it is older, or has lost
   * its owner and does not name the job: the job must never run twice.
   */
  isPodOf(pod: Pod, job: RunnerJob): boolean {
    const key = keyOf(pod)
    if (jobKeyAt(key) !== keyOf(job)) return false
    const runner = this.of(pod)
    if (runner !== undefined) return runner.spec.jobRef?.uid === job.metadata.uid
    const past = job.status.attempts?.find(({ number }) => number === attemptAt(key))
    const { podUID, runnerRef } = past === undefined ? job.status : { podUID: past.podUID, runnerRef: undefined }
    if (podUID !== undefined) return podUID === pod.metadata.uid
    const owner = controllerUid(pod)
    if (owner === undefined) return isHeldPod(pod) && pod.metadata.labels?.[JOB_UID_LABEL] === job.metadata.uid
    if (runnerRef !== undefined) return runnerRef.uid === owner
    return Date.parse(pod.metadata.creationTimestamp) >= Date.parse(job.metadata.creationTimestamp)
  }

  #remember(pod: Pod, runner: Runner): void {
    this.#former.set(pod.metadata.uid, runner)
  }
}

function isOwner(runner: Runner, pod: Pod): boolean {
  return controllerUid(pod) === runner.metadata.uid
}
