import type { Lane } from '../queue/workqueue.ts'
import type { Clock } from '../runtime/clock.ts'

/**
 * Deadline and abort signal of one reconcile. The signal is created on first use: most reconciles need no I/O and never
 * use it, and a signal costs more than such a reconcile.
 */
export class ReconcileScope {
  readonly lane: Lane
  readonly #clock: Clock
  readonly #graceMs: number
  #controller: AbortController | undefined
  #aborted: { reason: unknown } | undefined
  #cancelTimer: () => void
  #giveUp: (abandoned: 'abandoned') => void = () => {}

  constructor(lane: Lane, clock: Clock, { timeoutMs, graceMs }: { timeoutMs: number; graceMs: number }) {
    this.lane = lane
    this.#clock = clock
    this.#graceMs = graceMs
    this.#cancelTimer = clock.setTimer(
      () => this.abort(new Error(`reconcile took longer than ${timeoutMs} ms`)),
      timeoutMs,
    )
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason)
    return this.#controller.signal
  }

  /** The reason of the abort. */
  get reason(): unknown {
    return this.#aborted?.reason
  }

  abort(reason: unknown): void {
    if (this.#aborted !== undefined) return
    this.#aborted = { reason }
    this.#cancelTimer()
    this.#cancelTimer = this.#clock.setTimer(() => this.#giveUp('abandoned'), this.#graceMs)
    this.#controller?.abort(reason)
  }

  /** Waits for the end of the reconcile, but no longer than the grace period after an abort. */
  waitOrAbandon<E>(ended: Promise<E>): Promise<E | 'abandoned'> {
    return new Promise((resolve) => {
      this.#giveUp = resolve
      void ended.then(resolve)
    })
  }

  /** Cancels the deadline after the reconcile has ended. */
  end(): void {
    this.#cancelTimer()
  }
}
