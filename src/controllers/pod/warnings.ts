import { isDeepStrictEqual } from 'node:util'
import type { Pod } from '../../api/pod.ts'
import { claimsOf } from '../../domain/pod/claims.ts'
import { isExplainedByEvents, type PodWarning, warningOf } from '../../domain/pod/warnings.ts'
import type { Waiting } from '../../domain/pod/waiting.ts'
import type { KubeClient } from '../../kube/client/client.ts'
import type { Clock } from '../../kube/runtime/clock.ts'
import type { Log } from '../../kube/runtime/logger.ts'
import { withTimeout } from '../../kube/runtime/signals.ts'
import { warningsAbout } from './events.ts'

/** How long a pod may take to be set up before its Events are read: most have started by then and cost no read. */
const SLOW_START_MS = 2000
/** How soon Events are read again, and how soon after a failed read. */
const AGAIN_MS = 2000
const AFTER_FAILURE_MS = 10_000
/** The API server scans all Events of the namespace, so the pause after a read is a multiple of its duration. */
const REST_FACTOR = 10
const READ_MS = 10_000

export interface PodWarningsOptions {
  client: KubeClient
  clock: Clock
  log: Log
  /** Called with the key of a job whose pod has relevant Events, after each read. */
  wake: (jobKey: string) => void
  /** Ends the reads. */
  signal: AbortSignal
}

interface SlowStart {
  /** As it was when it was last looked at. */
  pod: Pod
  sinceMs: number
  warnings: PodWarning[]
}

/**
 * The warnings in Events about pods that are slow to start, and about their claims: one list of each every two seconds for all of them, and no read
 * while there are none. They are lost at the end of the term; the next leader reads again.
 */
export class PodWarnings {
  readonly #options: PodWarningsOptions
  readonly #starts = new Map<string, SlowStart>()
  #cancel: (() => void) | undefined
  #isReading = false
  #isFailing = false

  constructor(options: PodWarningsOptions) {
    this.#options = options
    options.signal.addEventListener('abort', () => this.#cancel?.(), { once: true })
  }

  /** What keeps the job's pod from starting according to Events, which are read from now on while they may explain it. */
  look(jobKey: string, pod: Pod | undefined): Waiting | undefined {
    if (pod === undefined || !isExplainedByEvents(pod) || pod.metadata.deletionTimestamp !== undefined) {
      this.#starts.delete(jobKey)
      return undefined
    }
    const known = this.#starts.get(jobKey)
    if (known?.pod.metadata.uid === pod.metadata.uid) {
      known.pod = pod
      return warningOf(pod, known.warnings)
    }
    this.#starts.set(jobKey, { pod, sinceMs: this.#options.clock.monotonicMs(), warnings: [] })
    this.#schedule(SLOW_START_MS)
    return undefined
  }

  #schedule(afterMs: number): void {
    const { clock, signal } = this.#options
    if (this.#cancel !== undefined || this.#isReading || signal.aborted) return
    this.#cancel = clock.setTimer(() => {
      this.#cancel = undefined
      void this.#read()
    }, afterMs)
  }

  /** Never rejects. */
  async #read(): Promise<void> {
    const { clock, log, signal } = this.#options
    const begunMs = clock.monotonicMs()
    let restMs = AGAIN_MS
    this.#isReading = true
    try {
      for (const [namespace, starts] of this.#slow(begunMs)) await this.#readFor(namespace, starts)
      this.#isFailing = false
    } catch (error) {
      restMs = AFTER_FAILURE_MS
      if (!this.#isFailing && !signal.aborted) log.warn({ err: error }, 'cannot read Events of pods')
      this.#isFailing = true
    }
    this.#isReading = false
    const tookMs = clock.monotonicMs() - begunMs
    if (this.#starts.size > 0) this.#schedule(Math.max(restMs, tookMs * REST_FACTOR))
  }

  /** Pods that take longer to be set up than most, by namespace. */
  #slow(nowMs: number): Map<string, [jobKey: string, start: SlowStart][]> {
    const slow = [...this.#starts].filter(([, { sinceMs }]) => nowMs - sinceMs >= SLOW_START_MS)
    return Map.groupBy(slow, ([, { pod }]) => pod.metadata.namespace ?? '')
  }

  async #readFor(namespace: string, starts: readonly [jobKey: string, start: SlowStart][]): Promise<void> {
    const { client, clock, wake, signal } = this.#options
    const uids = new Set(starts.map(([, { pod }]) => pod.metadata.uid))
    const claims = new Set(starts.flatMap(([, { pod }]) => claimsOf(pod)))
    const [ofPods, ofClaims] = await withTimeout({ clock, ms: READ_MS }, signal, (limited) =>
      Promise.all([
        warningsAbout(client, namespace, { kind: 'Pod', keys: uids }, limited),
        warningsAbout(client, namespace, { kind: 'PersistentVolumeClaim', keys: claims }, limited),
      ]),
    )
    for (const [jobKey, start] of starts) {
      const { pod, warnings } = start
      const aboutClaims = claimsOf(pod).flatMap((claim) => ofClaims.get(claim) ?? [])
      start.warnings = [...(ofPods.get(pod.metadata.uid) ?? []), ...aboutClaims]
      const warning = warningOf(pod, start.warnings)
      const isNews = !isDeepStrictEqual(warning, warningOf(pod, warnings))
      // Wake the job also without a change: the pod's status may show by now that the trouble is over.
      if (isNews || warning !== undefined) wake(jobKey)
    }
  }
}
