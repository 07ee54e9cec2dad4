import type { Lane, Work, Workqueue } from '../queue/workqueue.ts'
import { bestEffort } from '../runtime/best-effort.ts'
import { type Clock, nextTurn, systemClock } from '../runtime/clock.ts'
import type { Log } from '../runtime/logger.ts'
import { linkedAbortController, type LinkedController } from '../runtime/signals.ts'
import { type Failure, failureOf } from './failure.ts'
import { ReconcileScope } from './reconcile-scope.ts'

/** The context of one reconcile. */
export interface ReconcileContext {
  /** An urgent reconcile may postpone work by returning `deferred`; a deferred reconcile does all of the work. */
  readonly lane: Lane
  /** Aborted when the reconcile takes too long, when the controller stops, and when the Lease is lost. */
  readonly signal: AbortSignal
}

export interface Result {
  requeueAfterMs?: number
  /**
   * Requeue the key in the deferred lane: after `requeueAfterMs` if it is set, else now. From a deferred reconcile, `now`
   * backs off as a failure does.
   */
  deferred?: boolean
}

export type Reconcile = (key: string, context: ReconcileContext) => Promise<Result>

export type Outcome = 'success' | 'requeue_after' | 'conflict' | 'error'

export interface ControllerMetrics {
  /** Called at the start of each run, with a function that reads the depth of the queue. */
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
  /** How long a worker waits for a reconcile that ignores its aborted signal. */
  graceMs?: number
  log: Log
  metrics?: ControllerMetrics
  clock?: Clock
}

/** How long reconciles without I/O may block sockets and timers. */
const turnMs = 10

/** The end of a reconcile. */
type End = { outcome: 'success'; result: Result } | (Failure & { error: unknown })

/**
 * Workers that reconcile the keys of a queue, one reconcile per key at a time, whatever a reconcile throws. A reconcile
 * that ignores its aborted signal loses its worker after a grace period: the worker continues with other keys, and the
 * key stays locked until the reconcile settles, so that no second one runs beside it.
 */
export class Controller {
  readonly #options: ControllerOptions
  readonly #clock: Clock
  /** The scopes of the running reconciles. */
  readonly #scopes = new Set<ReconcileScope>()
  #turnBeganMs = 0

  constructor(options: ControllerOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
  }

  /**
   * Works until the signal is aborted or a reconcile fails with LeaseLost. Then it starts no reconcile, aborts the
   * running ones and resolves when they have ended or their grace period is over. Interrupted keys stay queued for the
   * next run.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { name, queue, workers, metrics } = this.#options
    const stop = linkedAbortController(signal)
    const abortAll = (): void => this.#scopes.forEach((scope) => scope.abort(stop.signal.reason))
    stop.signal.addEventListener('abort', abortAll, { once: true })
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
      else await this.#reconcile(work, stop)
      if (this.#clock.monotonicMs() - this.#turnBeganMs >= turnMs) await this.#yield()
    }
  }

  async #yield(): Promise<void> {
    await nextTurn()
    this.#turnBeganMs = this.#clock.monotonicMs()
  }

  async #reconcile(work: Work, stop: LinkedController): Promise<void> {
    const { passTimeoutMs: timeoutMs = 60_000, graceMs = 5000, log, name } = this.#options
    const startedMs = this.#clock.monotonicMs()
    const scope = new ReconcileScope(work.lane, this.#clock, { timeoutMs, graceMs })
    this.#scopes.add(scope)
    const ended = this.#endOf(work.key, scope, stop.signal).then((end) => {
      scope.end()
      this.#scopes.delete(scope)
      this.#settle(work, end)
      if (end.outcome === 'stopped') stop.abort(end.error)
      return end
    })
    const settled = await scope.waitOrAbandon(ended)
    const seconds = (this.#clock.monotonicMs() - startedMs) / 1000
    if (settled !== 'abandoned') return this.#report(work, settled, seconds)
    this.#report(work, { outcome: 'error', error: scope.reason }, seconds)
    bestEffort(() =>
      log.error({ controller: name, key: work.key }, 'reconcile ignored its abort; its key stays locked'),
    )
  }

  /** Never rejects. */
  async #endOf(key: string, context: ReconcileContext, stopping: AbortSignal): Promise<End> {
    try {
      const result = await this.#options.reconcile(key, context)
      if (!Number.isFinite(result.requeueAfterMs ?? 0))
        throw new RangeError(`requeueAfterMs must be finite: ${result.requeueAfterMs}`)
      return { outcome: 'success', result }
    } catch (error) {
      return { ...failureOf(error, stopping.aborted), error }
    }
  }

  /** Requeues or forgets the key according to the outcome, and releases it. */
  #settle(work: Work, end: End): void {
    const { queue } = this.#options
    const { key, lane } = work
    switch (end.outcome) {
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
    const { requeueAfterMs, deferred = false } = result
    const putsOff = deferred && requeueAfterMs === undefined
    if (putsOff && lane === 'deferred') queue.retry(key, lane)
    else queue.forget(key)
    if (putsOff && lane === 'urgent') queue.add(key, 'deferred')
    if (requeueAfterMs !== undefined) queue.addAfter(key, requeueAfterMs, deferred ? 'deferred' : 'urgent')
  }

  #putBack({ key, lane }: Work): void {
    this.#options.queue.add(key, lane)
    this.#options.queue.done(key)
  }

  #report({ key }: Work, end: End, seconds: number): void {
    const { name, log, metrics, queue } = this.#options
    bestEffort(() => {
      if (end.outcome !== 'stopped') metrics?.passed(name, end.outcome, seconds, key)
      if (end.outcome === 'success') return
      const fields = { controller: name, key, err: end.error }
      if (end.outcome === 'error') log.warn({ ...fields, failures: queue.failures(key) }, 'reconcile failed')
      else log.debug({ ...fields, outcome: end.outcome }, 'reconcile ended early')
    })
  }
}
