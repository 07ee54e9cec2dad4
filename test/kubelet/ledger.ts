import { JOB_LABEL, JOB_UID_LABEL, POOL_LABEL } from '../../src/api/names.ts'
import type { Pod } from '../../src/api/pod.ts'

/** A pod that the watch has shown. */
export interface PodRecord {
  uid: string
  name: string
  job: string
  jobUid: string
  pool: string
  /** First seen at, in milliseconds of the monotonic clock. */
  at: number
  finalizers: readonly string[]
  owners: readonly { kind: string; uid: string }[]
  /** Neither finished nor deleted. */
  isLive: boolean
  /** The pod is gone. */
  isGone: boolean
  /** Other pods of its job that were there when it was first seen, by name. */
  others: readonly string[]
}

/** Every pod that ever existed: evidence for "one pod per attempt, ever" and for limits of concurrent pods. */
export class Ledger {
  readonly #records = new Map<string, PodRecord>()
  readonly #byJob = new Map<string, readonly PodRecord[]>()
  readonly #live = new Map<string, number>()
  readonly #peaks = new Map<string, number>()

  /** For the kubelet: records the current or last state of a pod. */
  note(pod: Pod, isGone: boolean): void {
    const known = this.#records.get(pod.metadata.uid)
    const phase = pod.status?.phase
    const isLive = !isGone && phase !== 'Succeeded' && phase !== 'Failed'
    const record = known ?? this.#recordOf(pod)
    record.isGone = isGone
    this.#records.set(record.uid, record)
    this.#count(record.pool, Number(isLive) - Number(record.isLive))
    record.isLive = isLive
  }

  get all(): readonly PodRecord[] {
    return [...this.#records.values()]
  }

  /** All pods ever created for a job, by its name or UID. */
  of(job: string): readonly PodRecord[] {
    return this.all.filter((record) => record.job === job || record.jobUid === job)
  }

  /** The highest number of pods of a pool alive at once. */
  peak(pool: string): number {
    return this.#peaks.get(pool) ?? 0
  }

  #count(pool: string, change: number): void {
    const live = (this.#live.get(pool) ?? 0) + change
    this.#live.set(pool, live)
    this.#peaks.set(pool, Math.max(live, this.peak(pool)))
  }

  #recordOf({ metadata }: Pod): PodRecord {
    const { labels = {}, finalizers = [], ownerReferences = [] } = metadata
    const jobUid = labels[JOB_UID_LABEL] ?? ''
    const siblings = this.#byJob.get(jobUid) ?? []
    const record: PodRecord = {
      uid: metadata.uid,
      name: metadata.name,
      job: labels[JOB_LABEL] ?? '',
      jobUid,
      pool: labels[POOL_LABEL] ?? '',
      at: performance.now(),
      finalizers: [...finalizers],
      owners: ownerReferences.map(({ kind, uid }) => ({ kind, uid })),
      isLive: false,
      isGone: false,
      others: siblings.filter(({ isGone }) => !isGone).map(({ name }) => name),
    }
    if (jobUid !== '') this.#byJob.set(jobUid, [...siblings, record])
    return record
  }
}
