import type { KubeObject, Resource } from '../../api/object.ts'
import type { KubeClient, WatchOptions } from '../client/client.ts'
import { ApiError, apiErrorFrom, Forbidden, Gone, Unreachable } from '../client/errors.ts'
import { asObject } from '../client/parse.ts'
import { Backoff } from '../runtime/backoff.ts'
import { bestEffort } from '../runtime/best-effort.ts'
import { type Clock, systemClock } from '../runtime/clock.ts'
import { EventLoopYield } from '../runtime/event-loop-yield.ts'
import type { Log } from '../runtime/logger.ts'
import { abortable, deferred, type Deferred, linkedAbortController, withTimeout } from '../runtime/signals.ts'
import { type Follower, History, WentBack } from './history.ts'
import { IdleTimer } from './idle-timer.ts'
import { DoubtfulListing, InitialList, listPages } from './initial-list.ts'
import type { Store } from './store.ts'
import { MalformedEvent, type WatchEvent } from './watch.ts'

/** The metrics of a reflector; `resource` is the plural name. */
export interface ReflectorMetrics {
  listed(resource: string, objects: number): void
  /** A watch ended normally, as each does after some minutes. */
  ended(resource: string): void
  failed(resource: string, reason: string): void
}

export interface ReflectorOptions<T extends KubeObject> {
  client: KubeClient
  resource: Resource<T>
  namespace: string | undefined
  labelSelector?: string
  fieldSelector?: string
  store: Store<T>
  /** The history that other reflectors follow too; by default its own. */
  history?: History
  clock?: Clock
  random?: () => number
  log: Log
  metrics?: ReflectorMetrics
  /** How long a watch may be idle: more than the minute between two bookmarks. */
  idleMs?: number
}

/** Ends an attempt because a caller requested a new list. */
class RelistWanted extends Error {
  override name = 'RelistWanted'
}

/** A watch was idle for longer than any healthy one. Its server may never have had the version it started from. */
class Silent extends Unreachable {}

/** A watch shorter than this must not restart at once. */
const shortWatchMs = 1000
/** A version that expires this soon after a list would expire again: then the back-off applies. */
const freshListMs = 10_000
/** Back-off ceiling while the server is unreachable: a retry costs it nothing, and the caches wait for its return. */
const unreachableMs = 5000
/** How long a question for the version of the cluster may take. */
const probeMs = 10_000
const never = new AbortController().signal

/**
 * Keeps a store equal to the cluster while it runs: lists, watches from the list's version, and retries after every
 * failure. `#version` is where the next watch starts; without it the next attempt lists.
 */
export class Reflector<T extends KubeObject> implements Follower {
  readonly #options: ReflectorOptions<T>
  readonly #clock: Clock
  readonly #random: () => number
  readonly #backoff: Backoff
  readonly #history: History
  #version: string | undefined
  #watchListServed = true
  /** The cluster may have been restored: the store is compared with the next list as a whole. */
  #isInDoubt = false
  #waiting: Deferred<void>[] = []
  #interrupt: (reason: unknown) => void = () => {}
  #contactAt: number | undefined
  #isBroken = false
  #listedAt = -Infinity
  /** How often the connection was lost, and the number after which the cluster still had our history. */
  #losses = 0
  #confirmedLosses = 0
  #probing: Promise<void> | undefined

  constructor(options: ReflectorOptions<T>) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#random = options.random ?? Math.random
    this.#backoff = new Backoff({ clock: this.#clock, random: this.#random })
    this.#history = options.history ?? new History()
    this.#history.join(this)
  }

  /** Runs until the signal; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const attempt = linkedAbortController(signal)
      this.#interrupt = attempt.abort
      try {
        await this.#attempt(attempt.signal)
      } catch (error) {
        await this.#recover(error, attempt.signal).catch(() => {})
      } finally {
        attempt.release()
      }
    }
  }

  /** Resolves when a consistent list that started after this call is completely in the store. */
  async relist(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const done = deferred<void>()
    this.#waiting.push(done)
    this.#version = undefined
    this.#interrupt(new RelistWanted('a new list was requested'))
    await abortable(done.promise, signal)
  }

  /** Distrusts the store until a list shows whether the cluster was restored. Such a list begins at once. */
  doubt(): void {
    this.#isInDoubt = true
    this.#isBroken = true
    this.#version = undefined
    this.#interrupt(new RelistWanted('the cluster may have been restored'))
  }

  isSure(): boolean {
    return this.#losses === this.#confirmedLosses
  }

  /** A restore ends all connections of the API servers, so only a lost connection asks for a look. */
  async confirm(signal: AbortSignal): Promise<void> {
    try {
      while (!this.isSure()) await abortable(this.#probe(), signal)
    } catch (error) {
      if (error instanceof WentBack) this.#goBack(error)
      // Without the right to list, nothing shows it.
      if (!(error instanceof Forbidden)) throw error
    }
  }

  /** The monotonic time of the last contact with the server. */
  lastContactMs(): number | undefined {
    return this.#contactAt
  }

  /** Whether the list or the watch failed and has not resumed since: the store may be stale. */
  isBroken(): boolean {
    return this.#isBroken
  }

  async #attempt(signal: AbortSignal): Promise<void> {
    if (this.#version !== undefined) {
      await this.confirm(signal)
      return this.#watch({ resourceVersion: this.#version }, undefined, signal)
    }
    const waiting = this.#waiting.splice(0)
    const { store } = this.#options
    const initialList = this.#isInDoubt ? new DoubtfulListing(store, waiting) : new InitialList(store, waiting)
    try {
      // A paged list reads the storage, which shows whether the cluster was restored.
      if (!this.#watchListServed || this.#isInDoubt) return await this.#listPages(initialList, signal)
      await this.#watch({ sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }, initialList, signal)
    } finally {
      this.#waiting.unshift(...initialList.unserved())
    }
  }

  async #watch(from: WatchOptions, initialList: InitialList<T> | undefined, signal: AbortSignal): Promise<void> {
    const { client, resource, namespace, idleMs = 90_000 } = this.#options
    const begun = this.#clock.monotonicMs()
    const limits = linkedAbortController(signal)
    const idle = new IdleTimer(this.#clock, idleMs, () =>
      limits.abort(new Silent(`the watch was idle for ${idleMs} ms`)),
    )
    const onContact = (): void => {
      idle.touch()
      this.#touch()
    }
    const timeoutSeconds = 300 + Math.floor(this.#random() * 300) // random, so that clients do not reconnect at once
    const options = { ...this.#selectors(), allowWatchBookmarks: true, timeoutSeconds, ...from, onContact }
    try {
      const turns = new EventLoopYield()
      for await (const events of client.watch(resource, namespace, options, limits.signal)) {
        await this.#applyAll(events, initialList, turns)
      }
    } finally {
      idle.stop()
      limits.release()
    }
    if (this.#version === undefined) throw new Unreachable('the watch ended before its list was complete')
    if (this.#clock.monotonicMs() - begun < shortWatchMs)
      throw new Unreachable(`the watch ended within ${shortWatchMs} ms`)
    bestEffort(() => this.#options.metrics?.ended(resource.plural))
  }

  async #applyAll(
    events: readonly WatchEvent<T>[],
    initialList: InitialList<T> | undefined,
    turns: EventLoopYield,
  ): Promise<void> {
    for (const event of events) {
      // Nearly all events are applied synchronously: only a promise is awaited.
      const applied = this.#apply(event, initialList) ?? turns.maybeYield()
      if (applied !== undefined) await applied
    }
  }

  #apply(event: WatchEvent<T>, initialList: InitialList<T> | undefined): Promise<void> | undefined {
    switch (event.type) {
      case 'ADDED':
      case 'MODIFIED':
        ;(initialList ?? this.#options.store).upsert(event.object)
        return this.#advance(event.object.metadata.resourceVersion)
      case 'DELETED':
        ;(initialList ?? this.#options.store).remove(event.object)
        return this.#advance(event.object.metadata.resourceVersion)
      case 'BOOKMARK':
        if (initialList !== undefined && event.endsInitialEvents)
          return this.#listed(initialList, event.resourceVersion)
        return this.#advance(event.resourceVersion)
      case 'ERROR':
        return this.#failed(event.status)
      default:
        return event satisfies never
    }
  }

  /** After an error event, only a new list is complete. */
  #failed(status: unknown): never {
    this.#version = undefined
    throw apiErrorFrom(Number(asObject(status)['code'] ?? 500), status)
  }

  /** A list's objects come in any order: only after the list does an event advance the watch's version. */
  #advance(resourceVersion: string): undefined {
    if (this.#version === undefined) return
    this.#version = resourceVersion
    this.#options.store.advance(resourceVersion)
  }

  async #listPages(initialList: InitialList<T>, signal: AbortSignal): Promise<void> {
    const { client, resource, namespace } = this.#options
    const version = await listPages(initialList, async (options) => {
      const page = await client.listPage(resource, namespace, { ...this.#selectors(), ...options }, signal)
      this.#touch()
      return page
    })
    await this.#listed(initialList, version)
  }

  async #listed(initialList: InitialList<T>, resourceVersion: string): Promise<void> {
    await initialList.complete(resourceVersion)
    this.#isInDoubt = false
    this.#confirmedLosses = this.#losses
    // A relist requested meanwhile needs another list, not a watch from this version.
    if (this.#waiting.length === 0) this.#version = resourceVersion
    this.#isBroken = false
    this.#listedAt = this.#clock.monotonicMs()
    const { metrics, resource } = this.#options
    bestEffort(() => metrics?.listed(resource.plural, initialList.size))
  }

  #touch(): void {
    this.#contactAt = this.#clock.monotonicMs()
    // A list in progress is not yet in the store.
    if (this.#version !== undefined) this.#isBroken = false
    this.#backoff.healthy()
  }

  /** Rejects with WentBack if the cluster is at an older version than the store. Callers share one request. */
  #probe(): Promise<void> {
    return (this.#probing ??= this.#askVersion().finally(() => (this.#probing = undefined)))
  }

  async #askVersion(): Promise<void> {
    const { client, resource, namespace, store } = this.#options
    const losses = this.#losses
    const { resourceVersion } = await withTimeout({ clock: this.#clock, ms: probeMs }, never, (limited) =>
      client.listPage(resource, namespace, { ...this.#selectors(), limit: 1 }, limited),
    )
    if (store.isPast(resourceVersion))
      throw new WentBack(`version ${resourceVersion} of the cluster is older than version ${store.version}`)
    this.#confirmedLosses = losses
  }

  /** Once: while in doubt, all reflectors list again already. */
  #goBack(reason: WentBack): void {
    if (!this.#isInDoubt) this.#history.wentBack(reason)
  }

  #selectors(): { labelSelector?: string; fieldSelector?: string } {
    const { labelSelector, fieldSelector } = this.#options
    return {
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
    }
  }

  /** Decides where the next attempt starts, and waits; a requested relist ends the wait. */
  async #recover(error: unknown, signal: AbortSignal): Promise<void> {
    if (error instanceof WentBack) {
      this.#report(error, 0)
      return this.#goBack(error)
    }
    if (signal.aborted) return
    if (error instanceof Unreachable) this.#losses += 1
    if (this.#version === undefined && this.#watchListServed && isNotServed(error)) {
      this.#watchListServed = false
      return
    }
    if (error instanceof Gone || error instanceof MalformedEvent || error instanceof Silent) this.#version = undefined
    this.#isBroken = true
    const delayMs = this.#delayAfter(error)
    this.#report(error, delayMs)
    if (delayMs > 0) await this.#clock.sleep(delayMs, signal)
  }

  #delayAfter(error: unknown): number {
    if (error instanceof Gone && this.#clock.monotonicMs() - this.#listedAt >= freshListMs) return 0
    const retryAfterMs = error instanceof ApiError ? error.retryAfterMs : undefined
    return Math.max(this.#backoff.next(error instanceof Unreachable ? unreachableMs : undefined), retryAfterMs ?? 0)
  }

  #report(error: unknown, delayMs: number): void {
    const { log, resource, metrics } = this.#options
    const relist = this.#version === undefined
    bestEffort(() => metrics?.failed(resource.plural, error instanceof Error ? error.name : 'unknown'))
    const fields = { err: error, resource: resource.plural, relist, delayMs: Math.round(delayMs) }
    bestEffort(() => log.warn(fields, 'watch failed, retrying'))
  }
}

/** A server without WatchList rejects the parameter as invalid or forbidden. */
function isNotServed(error: unknown): boolean {
  return error instanceof ApiError && (error.code === 400 || error.code === 422)
}
