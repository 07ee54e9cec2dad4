import { OUTCOME_FINALIZER } from '../../api/names.ts'
import { keyOf } from '../../api/object.ts'
import type { Pod } from '../../api/pod.ts'
import type { Attempt } from '../../archive/store.ts'
import { hasLog } from '../../cluster/pod-log.ts'
import { isFinished } from '../../domain/job/phases.ts'
import { type LogCapture, logCaptured } from '../../domain/log/capture.ts'
import { podState } from '../../domain/pod/state.ts'
import { jobKeyAt } from '../../domain/runner/keys.ts'
import type { Change } from '../../kube/cache/store.ts'
import { splitKey } from '../../kube/client/resource-path.ts'
import type { Log } from '../../kube/runtime/logger.ts'
import { type CaptureDeps, type Captured, captureLog } from './capture.ts'

export interface LogCapturesOptions extends CaptureDeps {
  log: Log
  /** Most logs of running containers that are read at a time. */
  maxStreams: number
  /** How long after the end of its container a log may take to be stored. */
  deadlineMs: number
  /** Reconciles a job and its pod again. */
  wake: (keys: { job: string; pod: string }) => void
  /** Called for each log that is not stored to its end. */
  onLost: () => void
  signal: AbortSignal
}

/** Most logs of ended containers that are read at a time, besides those that were begun before. */
const MOST_FINISHING = 64

const none: LogCapture = { is: 'none' }

/** A capture that goes on. */
interface Entry {
  pod: Pod
  attempt: Attempt
  mayBeStored: boolean
  capture: Extract<LogCapture, { is: 'pending' }>
  /** Undefined while it waits for its turn. */
  turn?: 'running' | 'over'
  isOver: boolean
  enough: AbortController
  listeners: Set<() => void>
  cancelDeadline?: () => void
}

/**
 * Stores the logs of all pods, for one term of leadership. A log is read from the start of its container, so that a
 * rotation loses nothing and a deletion finds most of it stored.
 */
export class LogCaptures {
  readonly #options: LogCapturesOptions
  readonly #entries = new Map<string, Entry>() // by the UID of the pod
  /** How the captures of pods that still exist have ended: finished pods stay for minutes, so no more is kept of them. */
  readonly #ended = new Map<string, LogCapture>() // by the UID of the pod
  readonly #fresh = new Set<string>() // UIDs of pods that had no log yet
  readonly #taken = { running: 0, over: 0 }
  readonly #waiting = new Set<Entry>()

  constructor(options: LogCapturesOptions) {
    this.#options = options
  }

  /** Begins with the pods of the caches, and follows their changes until the returned function is called. */
  begin(): () => void {
    const { pods } = this.#options.caches
    const stop = pods.onChange((change) => this.#changed(change))
    for (const now of pods.list()) this.#changed({ key: keyOf(now), old: undefined, now })
    return stop
  }

  /** How far the log of a pod is. */
  of(pod: Pod | undefined): LogCapture {
    if (pod === undefined) return none
    const { uid } = pod.metadata
    const entry = this.#entries.get(uid) ?? this.#look(pod)
    return this.#ended.get(uid) ?? entry?.capture ?? none
  }

  #changed({ old, now }: Pick<Change<Pod>, 'key' | 'old' | 'now'>): void {
    if (old !== undefined && old.metadata.uid !== now?.metadata.uid) this.#gone(old.metadata.uid)
    if (now === undefined) return
    const entry = this.#entries.get(now.metadata.uid) ?? this.#look(now)
    if (entry === undefined) return
    if (['exited', 'lost'].includes(podState(now).is)) this.#over(entry)
    for (const listener of entry.listeners) listener()
  }

  #look(pod: Pod): Entry | undefined {
    const { uid, finalizers } = pod.metadata
    if (this.#ended.has(uid)) return undefined
    if (!hasLog(pod)) {
      this.#fresh.add(uid)
      return undefined
    }
    // Without the finalizer the pod may be gone at any moment, and its log is stored or given up.
    if (finalizers?.includes(OUTCOME_FINALIZER) !== true) return undefined
    const attempt = this.#attemptOf(pod)
    if (attempt === undefined) return undefined
    const recorded = this.#recordedOf(pod)
    if (recorded !== undefined) {
      this.#ended.set(uid, recorded)
      return undefined
    }
    const entry: Entry = {
      pod,
      attempt,
      mayBeStored: !this.#fresh.delete(uid),
      capture: { is: 'pending', isLate: false },
      isOver: false,
      enough: new AbortController(),
      listeners: new Set(),
    }
    this.#entries.set(uid, entry)
    this.#waiting.add(entry)
    if (['exited', 'lost'].includes(podState(pod).is)) this.#over(entry)
    else this.#admit()
    return entry
  }

  /** What an earlier leader wrote to the status of the job: that is final, although the pod was not released yet. */
  #recordedOf(pod: Pod): LogCapture | undefined {
    const job = this.#options.caches.jobs.get(jobKeyAt(keyOf(pod)))
    if (job?.status.podUID !== pod.metadata.uid || !isFinished(job)) return undefined
    const condition = logCaptured(job)
    return condition && { is: condition.status === 'True' ? 'captured' : 'unavailable', message: condition.message }
  }

  /** Undefined if the pod's job is unknown: nobody could read the log. */
  #attemptOf(pod: Pod): Attempt | undefined {
    const { caches } = this.#options
    const job = caches.jobs.get(jobKeyAt(keyOf(pod)))
    const jobRef = caches.podRunners.of(pod)?.spec.jobRef
    const jobUid =
      jobRef?.uid ?? (job !== undefined && caches.podRunners.isPodOf(pod, job) ? job.metadata.uid : undefined)
    if (jobUid === undefined) return undefined
    const { namespace, name } = splitKey(jobKeyAt(keyOf(pod)))
    return { namespace, jobName: jobRef?.name ?? name, jobUid, podUid: pod.metadata.uid }
  }

  #gone(uid: string): void {
    this.#fresh.delete(uid)
    this.#ended.delete(uid)
    const entry = this.#entries.get(uid)
    if (entry === undefined) return
    this.#over(entry)
    for (const listener of entry.listeners) listener()
  }

  #over(entry: Entry): void {
    if (entry.isOver) return
    const { clock, deadlineMs } = this.#options
    entry.isOver = true
    entry.cancelDeadline = clock.setTimer(() => entry.enough.abort(new Error('the log took too long')), deadlineMs)
    this.#admit()
  }

  /** Begins with as many as may run: those whose container has ended have places of their own. */
  #admit(): void {
    const { maxStreams } = this.#options
    for (const entry of this.#waiting) {
      const turn =
        this.#taken.running < maxStreams
          ? 'running'
          : entry.isOver && this.#taken.over < MOST_FINISHING
            ? 'over'
            : undefined
      if (turn === undefined) continue
      this.#waiting.delete(entry)
      this.#taken[turn] += 1
      entry.turn = turn
      void this.#capture(entry, turn)
    }
  }

  async #capture(entry: Entry, turn: 'running' | 'over'): Promise<void> {
    const { signal, log, onLost, wake, caches } = this.#options
    const { pod } = entry
    let ended: LogCapture
    try {
      ended = captureOf(await captureLog(this.#options, pod, this.#watching(entry), signal))
    } catch (error) {
      if (signal.aborted) return
      log.warn({ pod: pod.metadata.name, job: entry.attempt.jobName, err: error }, 'the log of a pod is lost')
      ended = { is: 'unavailable', message: 'the archive did not store the log in time' }
    } finally {
      entry.cancelDeadline?.()
      this.#taken[turn] -= 1
    }
    if (ended.is === 'unavailable') onLost()
    this.#entries.delete(pod.metadata.uid)
    if (caches.pods.get(keyOf(pod))?.metadata.uid === pod.metadata.uid) this.#ended.set(pod.metadata.uid, ended)
    wake(keysOf(entry))
    this.#admit()
  }

  #watching(entry: Entry): Parameters<typeof captureLog>[2] {
    const { log, wake } = this.#options
    return {
      attempt: entry.attempt,
      mayBeStored: entry.mayBeStored,
      enough: entry.enough.signal,
      onChange: (listener) => {
        entry.listeners.add(listener)
        return () => void entry.listeners.delete(listener)
      },
      onTrouble: (error) => {
        if (entry.capture.isLate) return
        entry.capture = { is: 'pending', isLate: true }
        log.warn({ pod: entry.pod.metadata.name, job: entry.attempt.jobName, err: error }, 'the log of a pod is late')
        wake(keysOf(entry))
      },
    }
  }
}

function keysOf({ pod, attempt }: Entry): { job: string; pod: string } {
  return { job: `${attempt.namespace}/${attempt.jobName}`, pod: keyOf(pod) }
}

function captureOf({ end, lines }: Captured): LogCapture {
  if (end === 'whole') return { is: 'captured', message: `the archive has the log, of ${lines} lines` }
  const message =
    lines === 0
      ? 'the node did not return the log'
      : `the node did not return the end of the log: the archive has ${lines} lines`
  return { is: 'unavailable', message }
}
