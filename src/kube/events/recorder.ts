import type { KubeObject, NewObject, Resource } from '../../api/object.ts'
import { Lru } from '../../collections/lru.ts'
import type { KubeClient } from '../client/client.ts'
import {
  AlreadyExists,
  ApiError,
  LeaseLost,
  NamespaceTerminating,
  NotFound,
  TooManyRequests,
} from '../client/errors.ts'
import { microTime } from '../election/lease.ts'
import { Workqueue } from '../queue/workqueue.ts'
import { type Clock, nextTurn, systemClock } from '../runtime/clock.ts'
import type { Log } from '../runtime/logger.ts'
import { withTimeout } from '../runtime/signals.ts'
import { events, type KubeEvent, newEvent, type Occurrence } from './event.ts'
import { TokenBucket } from './token-bucket.ts'

export interface EventRecorderOptions {
  client: KubeClient
  /** reportingController, for example `runnerhub.dev/controller`. */
  component: string
  /** reportingInstance: the name of this process. */
  instance: string
  clock?: Clock
  log: Log
  /** The maximum number of queued Events; further ones are dropped. */
  maxQueue?: number
}

/** Repetitions of one occurrence on one object: one Event with a count. */
interface Series {
  event: NewObject<KubeEvent>
  count: number
  lastAt: Date
  isCreated: boolean
}

/** The number of cached series and objects; the API server keeps an Event for an hour only. */
const cacheSize = 4096
/** Rate limit of writes per object: a burst, then one per interval. */
const burst = 25
const refillMs = 300_000
const maxAttempts = 5
const requestMs = 10_000
const drainMs = 2000

/**
 * Writes Events, best effort: one request at a time, and nothing waits for it. Drops an Event that cannot be written,
 * or must not because the Lease is lost. Repetitions with the same object, reason and message share one Event with a
 * count.
 */
export class EventRecorder {
  readonly #options: Required<EventRecorderOptions>
  readonly #queue: Workqueue
  readonly #waiting = new Map<string, Series>()
  readonly #series = new Lru<string, Series>(cacheSize)
  readonly #buckets = new Lru<string, TokenBucket>(cacheSize)

  constructor(options: EventRecorderOptions) {
    this.#options = { clock: systemClock, maxQueue: 1000, ...options }
    this.#queue = new Workqueue({ clock: this.#options.clock, baseMs: 1000, maxMs: 30_000 })
  }

  /** Never throws and never blocks. */
  record(about: { resource: Resource; object: KubeObject }, occurrence: Occurrence): void {
    try {
      this.#record(about, occurrence)
    } catch (error) {
      this.#options.log.debug({ err: error, reason: occurrence.reason }, 'event dropped')
    }
  }

  /**
   * Writes recorded Events until the signal is aborted, then drains the queue for two seconds at most. Never rejects.
   */
  async run(signal: AbortSignal): Promise<void> {
    await this.#write(signal)
    const { clock } = this.#options
    const drain = new AbortController()
    const cancel = clock.setTimer(() => drain.abort(), drainMs)
    while (this.#queue.depth > 0 && !drain.signal.aborted) await this.#writeNext(drain.signal)
    cancel()
  }

  #record(about: { resource: Resource; object: KubeObject }, occurrence: Occurrence): void {
    const { clock, component, instance, maxQueue, log } = this.#options
    const { uid } = about.object.metadata
    const { type, reason, message, action } = occurrence
    const key = JSON.stringify([uid, type, reason, message, action])
    const series = this.#series.get(key) ?? {
      event: newEvent(about, occurrence, { component, instance }, clock.now()),
      count: 0,
      lastAt: clock.now(),
      isCreated: false,
    }
    series.count += 1
    series.lastAt = clock.now()
    this.#series.set(key, series)
    if (this.#waiting.has(key)) return
    if (this.#waiting.size >= maxQueue || !this.#mayWrite(uid)) {
      log.debug({ reason, object: about.object.metadata.name }, 'event dropped')
      return
    }
    this.#waiting.set(key, series)
    this.#queue.add(key)
  }

  #mayWrite(uid: string): boolean {
    const now = this.#options.clock.monotonicMs()
    const bucket = this.#buckets.get(uid) ?? new TokenBucket(burst, refillMs, now)
    this.#buckets.set(uid, bucket)
    return bucket.take(now)
  }

  async #write(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#writeNext(signal)
      await nextTurn()
    }
  }

  async #writeNext(signal: AbortSignal): Promise<void> {
    const work = await this.#queue.take(signal)
    if (work === undefined) return
    const { key } = work
    const series = this.#waiting.get(key)
    this.#waiting.delete(key)
    try {
      if (series !== undefined) await this.#publish(series, signal)
      this.#queue.forget(key)
    } catch (error) {
      if (series !== undefined) this.#retryOrDrop({ key, series, error }, signal)
    }
    this.#queue.done(key)
  }

  async #publish(series: Series, signal: AbortSignal): Promise<void> {
    const { client, clock } = this.#options
    const { event, count, lastAt, isCreated } = series
    const update = { series: { count, lastObservedTime: microTime(lastAt) } }
    const key = { namespace: event.metadata.namespace ?? 'default', name: event.metadata.name }
    try {
      await withTimeout({ clock, ms: requestMs }, signal, (limited) =>
        isCreated
          ? client.patchMerge(events, key, update, limited)
          : client.create(events, { ...event, ...(count > 1 && update) }, limited),
      )
    } catch (error) {
      if (isCreated && error instanceof NotFound) return await this.#publishAgain(series, signal)
      // AlreadyExists: an earlier create succeeded, and its response was lost.
      if (isCreated || !(error instanceof AlreadyExists)) throw error
    }
    series.isCreated = true
  }

  /** The API server keeps Events for an hour; a later repetition creates a new one. */
  #publishAgain(series: Series, signal: AbortSignal): Promise<void> {
    series.isCreated = false
    series.count = 1
    series.event = { ...series.event, eventTime: microTime(series.lastAt) }
    return this.#publish(series, signal)
  }

  #retryOrDrop({ key, series, error }: { key: string; series: Series; error: unknown }, signal: AbortSignal): void {
    const mayRetry = isTransient(error) && this.#queue.failures(key) < maxAttempts
    if (signal.aborted || mayRetry) this.#waiting.set(key, series)
    if (signal.aborted) this.#queue.add(key)
    else if (mayRetry) this.#queue.retry(key)
    else {
      this.#queue.forget(key)
      const { log } = this.#options
      const fields = { err: error, reason: series.event.reason }
      if (error instanceof LeaseLost || error instanceof NamespaceTerminating) log.debug(fields, 'event dropped')
      else log.warn(fields, 'cannot write event')
    }
  }
}

function isTransient(error: unknown): boolean {
  if (error instanceof LeaseLost) return false
  return !(error instanceof ApiError) || error instanceof TooManyRequests || error.code >= 500
}
