import type { Lane, Work, Workqueue } from '../queue/workqueue.ts'
import { bestEffort } from '../runtime/best-effort.ts'
import { type Clock, nextTurn, systemClock } from '../runtime/clock.ts'
import type { Log } from '../runtime/logger.ts'
import { linkedAbortController, type LinkedController } from '../runtime/signals.ts'
import { type Failure, failureOf } from './failure.ts'
import { ReconcileScope } from './reconcile-scope.ts'

/** What a reconcile is told about its pass. */
export interface ReconcileContext {
  /** An urgent pass may put off what can wait by returning `deferred`; a deferred pass does all of the work. */
  readonly lane: Lane
  /** Aborted when the pass takes too long, when the controller stops, and when the Lease is lost. */
  readonly signal: AbortSignal
}

export interface Result {
  requeueAfterMs?: number
  /** Put the key into the deferred lane now. From a deferred pass this backs off as a failure does. */
  deferred?: boolean
}

export type Reconcile = (key: string, pass: ReconcileContext) => Promise<Result>

export type Outcome = 'success' | 'requeue_after' | 'conflict' | 'error'

export interface ControllerMetrics {
  /** Called at the start of each run, with a way to read the depth of the queue at any time. */
  depth(controller: string, read: (lane: Lane) => number): void
  waited(controller: string, lane: Lane, seconds: number): void
  passed(controller: string, outcome: Outcome, seconds: number, key: string): void
}

export interface ControllerOptions {
  name: string
  queue: Workqueue
  workers: number
  reconcile: Reconcile
  passTimeoutMs?: number
  /** How long a worker waits for a pass that ignores its aborted signal. */
  graceMs?: number
  log: Log
  metrics?: ControllerMetrics
  clock?: Clock
}

/** How long passes that need no I/O may hold up sockets and timers. */
const turnMs = 10

/** How a pass ended. */
type End = { is: 'success'; result: Result } | (Failure & { error: unknown })

/**
 * Workers that reconcile the keys of a queue, one pass per key at a time, whatever a reconcile throws. A pass that
 * ignores its aborted signal loses its worker after a grace: the worker goes on with other keys, and the key stays
 * locked until the pass settles after all, so that no second pass runs beside it.
 */
export class Controller {
  readonly #options: ControllerOptions
  readonly #clock: Clock
  /** Of the passes that have not ended. */
  readonly #limits = new Set<ReconcileScope>()
  #turnBeganMs = 0

  constructor(options: ControllerOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
  }

  /**
   * Works until the signal is aborted or a pass meets a lost Lease; then begins no pass, aborts those under way and
   * resolves when they have ended or their grace is over. What was interrupted waits in the queue for the next run.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { name, queue, workers, metrics } = this.#options
    const stop = linkedAbortController(signal)
    const endPasses = (): void => this.#limits.forEach((limits) => limits.abort(stop.signal.reason))
    stop.signal.addEventListener('abort', endPasses, { once: true })
    bestEffort(() => metrics?.depth(name, (lane) => queue.depthOf(lane)))
    await Promise.all(Array.from({ length: workers }, () => this.#work(stop)))
    stop.release()
  }

  async #work(stop: LinkedController): Promise<void> {
    const { name, queue, metrics } = this.#options
    for (;;) {
      const work = await queue.take(stop.signal)
      if (work === undefined) return
      bestEffort(() => metrics?.waited(name, work.lane, work.waitedMs / 1000))
      if (stop.signal.aborted) this.#putBack(work)
      else await this.#pass(work, stop)
      if (this.#clock.monotonicMs() - this.#turnBeganMs >= turnMs) await this.#yield()
    }
  }

  async #yield(): Promise<void> {
    await nextTurn()
    this.#turnBeganMs = this.#clock.monotonicMs()
  }

  async #pass(work: Work, stop: LinkedController): Promise<void> {
    const { passTimeoutMs: timeoutMs = 60_000, graceMs = 5000, log, name } = this.#options
    const begun = this.#clock.monotonicMs()
    const limits = new ReconcileScope(work.lane, this.#clock, { timeoutMs, graceMs })
    this.#limits.add(limits)
    const ended = this.#endOf(work.key, limits, stop.signal).then((end) => {
      limits.end()
      this.#limits.delete(limits)
      this.#settle(work, end)
      if (end.is === 'stopped') stop.abort(end.error)
      return end
    })
    const seen = await limits.waitOrAbandon(ended)
    const seconds = (this.#clock.monotonicMs() - begun) / 1000
    if (seen !== 'abandoned') return this.#report(work, seen, seconds)
    this.#report(work, { is: 'error', error: limits.reason }, seconds)
    bestEffort(() => log.error({ controller: name, key: work.key }, 'pass ignores its end; its key stays locked'))
  }

  /** Never rejects. */
  async #endOf(key: string, pass: ReconcileContext, stopping: AbortSignal): Promise<End> {
    try {
      const result = await this.#options.reconcile(key, pass)
      if (!Number.isFinite(result.requeueAfterMs ?? 0))
        throw new RangeError(`requeueAfterMs is ${result.requeueAfterMs}`)
      return { is: 'success', result }
    } catch (error) {
      return { ...failureOf(error, stopping.aborted), error }
    }
  }

  /** Says when the key is served next, and gives it back. */
  #settle(work: Work, end: End): void {
    const { queue } = this.#options
    const { key, lane } = work
    switch (end.is) {
      case 'success':
        this.#settleSuccess(work, end.result)
        break
      case 'requeue_after':
        queue.addAfter(key, end.afterMs, lane)
        break
      case 'conflict':
      case 'error':
        queue.retry(key, lane)
        break
      case 'stopped':
        queue.add(key, lane)
        break
      default:
        end satisfies never
    }
    queue.done(key)
  }

  #settleSuccess({ key, lane }: Work, result: Result): void {
    const { queue } = this.#options
    const putsOff = result.deferred === true
    if (putsOff && lane === 'deferred') queue.retry(key, lane)
    else queue.forget(key)
    if (putsOff && lane === 'urgent') queue.add(key, 'deferred')
    if (result.requeueAfterMs !== undefined) queue.addAfter(key, result.requeueAfterMs)
  }

  #putBack({ key, lane }: Work): void {
    this.#options.queue.add(key, lane)
    this.#options.queue.done(key)
  }

  #report({ key }: Work, end: End, seconds: number): void {
    const { name, log, metrics, queue } = this.#options
    bestEffort(() => {
      if (end.is !== 'stopped') metrics?.passed(name, end.is, seconds, key)
      if (end.is === 'success') return
      const fields = { controller: name, key, err: end.error }
      if (end.is === 'error') log.warn({ ...fields, failures: queue.failures(key) }, 'pass failed')
      else log.debug({ ...fields, outcome: end.is }, 'pass ended early')
    })
  }
}
