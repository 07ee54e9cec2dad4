import { controllerUid, keyOf } from '../api/object.ts'
import type { Pod } from '../api/pod.ts'
import type { RunnerJob } from '../api/runner-job.ts'
import type { Runner } from '../api/runner.ts'
import { Lru } from '../collections/lru.ts'
import { runnerKey } from '../domain/runner/names.ts'
import type { Store } from '../kube/cache/store.ts'

/** Runners that went before their pod was seen: as many as may have a create under way, and a margin. */
const MAX_PODLESS = 1000

/**
 * The Runner that each pod was made for, by the pod's owner reference. A Runner that is gone is remembered for as long as
 * its pod is there, also where the reference went with it, as in a deletion with --cascade=orphan. A Runner may also go
 * while the create of its pod is under way: the pod then comes after it.
 */
export class PodRunners {
  readonly #runners: Store<Runner>
  readonly #former = new Map<string, Runner>() // by the UID of the pod
  readonly #podless = new Lru<string, Runner>(MAX_PODLESS) // by their own UID

  constructor(runners: Store<Runner>, pods: Store<Pod>) {
    this.#runners = runners
    runners.onChange(({ key, old, now }) => {
      if (old === undefined || now?.metadata.uid === old.metadata.uid) return
      const pod = pods.get(key)
      if (pod !== undefined && isOwner(old, pod)) this.#remember(pod, old)
      else this.#podless.set(old.metadata.uid, old)
    })
    pods.onChange(({ old, now }) => {
      if (old === undefined) {
        const gone = now === undefined ? undefined : this.#podless.get(controllerUid(now) ?? '')
        if (now !== undefined && gone !== undefined) this.#remember(now, gone)
        return
      }
      const runner = this.of(old)
      if (now === undefined) this.#former.delete(old.metadata.uid)
      else if (runner !== undefined && !isOwner(runner, now)) this.#remember(now, runner)
    })
  }

  /** The Runner of the pod, as far as it is known. */
  of(pod: Pod): Runner | undefined {
    const runner = this.#runners.get(keyOf(pod))
    return runner !== undefined && isOwner(runner, pod) ? runner : this.#former.get(pod.metadata.uid)
  }

  /**
   * Whether the pod was made for this very job, not for an earlier one of the same name. Where nobody knows its Runner
   * any more, the job says so; and where nothing was written yet, it is taken for the job's if it can be: the job must
   * never run twice.
   */
  isPodOf(pod: Pod, job: RunnerJob): boolean {
    if (keyOf(pod) !== runnerKey(job)) return false
    const runner = this.of(pod)
    if (runner !== undefined) return runner.spec.jobRef?.uid === job.metadata.uid
    const { podUID, runnerRef } = job.status
    if (podUID !== undefined) return podUID === pod.metadata.uid
    const owner = controllerUid(pod)
    if (owner === undefined) return false
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
