import { keyOf, type KubeObject } from '../../api/object.ts'
import { EventLoopYield } from '../runtime/event-loop-yield.ts'
import type { Log } from '../runtime/logger.ts'
import { abortable, deferred } from '../runtime/signals.ts'
import { ObjectIndex } from './object-index.ts'
import { compareVersions, withoutManagedFields } from './transform.ts'

/** One object was added (no `old`), changed, or removed (no `now`). */
export interface Change<T> {
  key: string
  old: T | undefined
  now: T | undefined
  /** For a removal: a version at which the object still existed. */
  after?: string
}

export interface StoreOptions<T extends KubeObject> {
  indexes?: Record<string, (object: T) => readonly string[]>
  /** Reduces an object to the stored fields; by default all but managedFields. It must keep the metadata's identity. */
  transform?: (raw: T) => T
  /**
   * Selects the objects to store; by default all. An object that no longer matches is removed as if it were deleted.
   */
  includes?: (raw: T) => boolean
  /** Another store that the same watch fills, with other objects of the resource. */
  beside?: Store<T>
  /** Logs the errors of change handlers. */
  log?: Log
}

/**
 * An informer cache of one resource's objects. It never goes back: an object is replaced only by a newer version of
 * itself, and an object that the watch has shown as deleted does not return. Only `rebuild` goes back, after the
 * cluster itself did, as in a restore of etcd. Objects are shared: readers must not change them.
 */
export class Store<T extends KubeObject> {
  readonly #objects = new Map<string, T>()
  /** The one copy of each key, which handlers get: what they keep of an object goes by it. */
  readonly #keys = new Map<string, string>()
  readonly #indexes = new Map<string, ObjectIndex<T>>()
  readonly #handlers = new Set<(change: Change<T>) => void>()
  readonly #transform: (raw: T) => T
  readonly #includes: (raw: T) => boolean
  readonly #beside: Store<T> | undefined
  readonly #log: Log | undefined
  readonly #synced = deferred<void>()
  readonly #undelivered: Change<T>[] = []
  #delivering = false
  #hasSynced = false
  /** Every change up to this version is stored. */
  #seen = '0'
  /** Keys of objects whose versions cannot be compared any more, during a rebuild. */
  readonly #former = new Set<string>()

  constructor(options: StoreOptions<T> = {}) {
    this.#transform = options.transform ?? withoutManagedFields
    this.#includes = options.includes ?? (() => true)
    this.#beside = options.beside
    this.#log = options.log
    for (const [name, valuesOf] of Object.entries(options.indexes ?? {}))
      this.#indexes.set(name, new ObjectIndex(valuesOf))
  }

  get(key: string): T | undefined {
    return this.#objects.get(key)
  }

  list(): IterableIterator<T> {
    return this.#objects.values()
  }

  get size(): number {
    return this.#objects.size
  }

  /** Every change up to this version is stored; `0` before the first complete list. */
  get version(): string {
    return this.#seen
  }

  /** The objects under a value of an index, in no promised order, as a new array. */
  byIndex(index: string, value: string): readonly T[] {
    const found: T[] = []
    for (const key of this.#index(index).keys(value)) {
      const object = this.#objects.get(key)
      if (object !== undefined) found.push(object)
    }
    return found
  }

  indexSize(index: string, value: string): number {
    return this.#index(index).keys(value).size
  }

  /** Calls back synchronously for every further change; the returned function unsubscribes. */
  onChange(handler: (change: Change<T>) => void): () => void {
    this.#handlers.add(handler)
    return () => this.#handlers.delete(handler)
  }

  /**
   * Stores the response to our own write or read, so that the cache is never older than what this process has seen.
   * Where the reflector has a selector, `includes` must match it: nothing else would remove an object again.
   */
  applyOwn(object: T): void {
    const isUnknown = !this.#objects.has(keyOf(object))
    // The watch is past this version and the object is not stored: it was deleted before this response was read.
    if (isUnknown && compareVersions(object.metadata.resourceVersion, this.#seen) <= 0) return
    this.upsert(object)
  }

  /** True from the first complete list on. */
  hasSynced(): boolean {
    return this.#hasSynced
  }

  synced(signal: AbortSignal): Promise<void> {
    return abortable(this.#synced.promise, signal)
  }

  /** For the reflector: adds or updates a listed or watched object. Drops versions older than the stored one. */
  upsert(raw: T): void {
    this.#beside?.upsert(raw)
    this.#upsert(raw)
  }

  #upsert(raw: T): void {
    if (!this.#includes(raw)) return this.#remove(raw)
    const key = keyOf(raw)
    const old = this.#objects.get(key)
    const isFormer = this.#former.delete(key)
    if (old !== undefined && !isFormer && !isNewer(raw, old)) return
    const now = this.#transform(raw)
    if (old === undefined || old.metadata.uid === now.metadata.uid) return this.#put(key, old, now)
    this.#put(key, old, undefined, this.#seen)
    this.#put(key, undefined, now)
  }

  /** For the reflector: removes a deleted object, unless a newer one already has its name. */
  remove(last: T): void {
    this.#beside?.remove(last)
    this.#remove(last)
  }

  #remove(last: T): void {
    const key = keyOf(last)
    const old = this.#objects.get(key)
    const isFormer = this.#former.delete(key)
    if (old === undefined || (!isFormer && isNewer(old, last))) return
    this.#put(key, old, undefined, this.#seen)
  }

  /** For the reflector: records that the watch has delivered all changes up to this version. */
  advance(resourceVersion: string): void {
    this.#beside?.advance(resourceVersion)
    if (compareVersions(resourceVersion, this.#seen) > 0) this.#seen = resourceVersion
  }

  /** For the reflector: completes a list of these keys at this version. Removes objects that it lacks, unless newer. */
  async retain(keys: ReadonlySet<string>, resourceVersion: string): Promise<void> {
    const before = this.#seen
    this.advance(resourceVersion)
    const turns = new EventLoopYield()
    for (const [key, object] of this.#objects) {
      const isGone = !keys.has(key) && compareVersions(object.metadata.resourceVersion, resourceVersion) <= 0
      if (isGone) this.#put(key, object, undefined, before)
      await turns.maybeYield()
    }
    await this.#beside?.retain(keys, resourceVersion)
    this.#hasSynced = true
    this.#synced.resolve()
  }

  /** Makes the content equal to a complete list taken at this version, in slices. */
  async replaceAll(items: Iterable<T>, resourceVersion: string): Promise<void> {
    const turns = new EventLoopYield()
    const keys = new Set<string>()
    for (const item of items) {
      this.upsert(item)
      keys.add(keyOf(item))
      await turns.maybeYield()
    }
    await this.retain(keys, resourceVersion)
  }

  /** Whether a list of this version is older than the store, so that the cluster may have been restored. */
  isPast(resourceVersion: string): boolean {
    return compareVersions(resourceVersion, this.#seen) < 0
  }

  /** Whether an object is stored in a newer version than this. */
  hasNewer(key: string, resourceVersion: string): boolean {
    const held = this.#objects.get(key)?.metadata.resourceVersion
    return held !== undefined && compareVersions(held, resourceVersion) > 0
  }

  /**
   * Whether a complete list at `listedAt` cannot have this version of an object: the store holds a newer one that the list
   * would have. Then the cluster was restored, with versions that go on where they were, as `--bump-revision` does.
   */
  contradicts(key: string, resourceVersion: string, listedAt: string): boolean {
    return this.hasNewer(key, resourceVersion) && !this.hasNewer(key, listedAt)
  }

  /**
   * Makes the content equal to a complete list of a cluster that was restored to this version, in slices. Versions from
   * before cannot be compared any more. Objects stored meanwhile belong to the new history and stay.
   */
  async rebuild(items: readonly T[], resourceVersion: string): Promise<void> {
    this.#seen = resourceVersion
    for (const key of this.#objects.keys()) this.#former.add(key)
    const turns = new EventLoopYield()
    for (const item of items) {
      this.#upsert(item)
      await turns.maybeYield()
    }
    for (const key of this.#former) {
      this.#former.delete(key)
      this.#put(key, this.#objects.get(key), undefined, '0')
      await turns.maybeYield()
    }
    await this.#beside?.rebuild(items, resourceVersion)
  }

  #index(name: string): ObjectIndex<T> {
    const index = this.#indexes.get(name)
    if (index === undefined) throw new TypeError(`no index named ${name}`)
    return index
  }

  #put(name: string, old: T | undefined, now: T | undefined, after?: string): void {
    const key = this.#keys.get(name) ?? name
    for (const index of this.#indexes.values()) index.replace(key, old, now)
    if (now === undefined) {
      this.#objects.delete(key)
      this.#keys.delete(key)
    } else {
      this.#objects.set(key, now)
      this.#keys.set(key, key)
    }
    this.#undelivered.push({ key, old, now, ...(after !== undefined && { after }) })
    if (!this.#delivering) this.#deliver()
  }

  /** A handler may change the store; every handler still gets the changes in one order. */
  #deliver(): void {
    this.#delivering = true
    for (let change = this.#undelivered.shift(); change !== undefined; change = this.#undelivered.shift()) {
      for (const handler of this.#handlers) this.#call(handler, change)
    }
    this.#delivering = false
  }

  #call(handler: (change: Change<T>) => void, change: Change<T>): void {
    try {
      handler(change)
    } catch (error) {
      this.#log?.error({ err: error, key: change.key }, 'change handler failed')
    }
  }
}

function isNewer(a: KubeObject, b: KubeObject): boolean {
  return compareVersions(a.metadata.resourceVersion, b.metadata.resourceVersion) > 0
}
