import { keyOf, type KubeObject } from '../../api/object.ts'
import { EventLoopYield } from '../runtime/event-loop-yield.ts'
import type { Log } from '../runtime/logger.ts'
import { abortable, deferred } from '../runtime/signals.ts'
import { ObjectIndex } from './object-index.ts'
import { compareVersions, withoutManagedFields } from './transform.ts'

/** One object appeared (no `old`), changed, or went (no `now`). */
export interface Change<T> {
  key: string
  old: T | undefined
  now: T | undefined
  /** Where it went: a version at which it was still there. */
  after?: string
}

export interface StoreOptions<T extends KubeObject> {
  indexes?: Record<string, (object: T) => readonly string[]>
  /** What to keep of an object; without it everything but managedFields. It must keep the metadata's identity. */
  transform?: (raw: T) => T
  /** Which objects belong in here; without it all do. One that no longer does is taken out as if it were gone. */
  includes?: (raw: T) => boolean
  /** Told of handlers that throw. */
  log?: Log
}

/**
 * A cache of one resource's objects. It never goes back: an object is replaced only by a newer version of itself,
 * and nothing that the watch has already shown to be gone comes back. Only where the cluster itself has gone back, as
 * in a restore of etcd, does it follow, by `rebuild`. Objects are shared: readers must not change them.
 */
export class Store<T extends KubeObject> {
  readonly #objects = new Map<string, T>()
  readonly #indexes = new Map<string, ObjectIndex<T>>()
  readonly #handlers = new Set<(change: Change<T>) => void>()
  readonly #transform: (raw: T) => T
  readonly #includes: (raw: T) => boolean
  readonly #log: Log | undefined
  readonly #synced = deferred<void>()
  readonly #undelivered: Change<T>[] = []
  #delivering = false
  #hasSynced = false
  /** Every change up to this version has been put in. */
  #seen = '0'
  /** Keys of objects whose versions say nothing any more, while a rebuild goes on. */
  readonly #former = new Set<string>()

  constructor(options: StoreOptions<T> = {}) {
    this.#transform = options.transform ?? withoutManagedFields
    this.#includes = options.includes ?? (() => true)
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

  /** Every change up to this version has been put in; none before the first complete list. */
  get version(): string {
    return this.#seen
  }

  /** The objects under a value of an index, in no promised order, as an array of the caller's own. */
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

  /** Calls back synchronously for every change from now on; the returned function ends it. */
  onChange(handler: (change: Change<T>) => void): () => void {
    this.#handlers.add(handler)
    return () => this.#handlers.delete(handler)
  }

  /**
   * Puts in the answer to our own write or read, so that the cache is never older than what we have seen ourselves.
   * Where the reflector has a selector, `includes` must say the same: nothing else would take an object out again.
   */
  applyOwn(object: T): void {
    const unknown = !this.#objects.has(keyOf(object))
    // The watch has passed this version and the object is not here: it was deleted before this answer was read.
    if (unknown && compareVersions(object.metadata.resourceVersion, this.#seen) <= 0) return
    this.upsert(object)
  }

  /** True from the first complete list on. */
  hasSynced(): boolean {
    return this.#hasSynced
  }

  synced(signal: AbortSignal): Promise<void> {
    return abortable(this.#synced.promise, signal)
  }

  /** For the reflector: an object as listed or watched. Older versions than the stored one are dropped. */
  upsert(raw: T): void {
    if (!this.#includes(raw)) return this.remove(raw)
    const key = keyOf(raw)
    const old = this.#objects.get(key)
    const isFormer = this.#former.delete(key)
    if (old !== undefined && !isFormer && !isNewer(raw, old)) return
    const now = this.#transform(raw)
    if (old === undefined || old.metadata.uid === now.metadata.uid) return this.#put(key, old, now)
    this.#put(key, old, undefined, this.#seen)
    this.#put(key, undefined, now)
  }

  /** For the reflector: a deletion, unless a newer object has the name already. */
  remove(last: T): void {
    const key = keyOf(last)
    const old = this.#objects.get(key)
    const isFormer = this.#former.delete(key)
    if (old === undefined || (!isFormer && isNewer(old, last))) return
    this.#put(key, old, undefined, this.#seen)
  }

  /** For the reflector: the watch has delivered everything up to this version. */
  advance(resourceVersion: string): void {
    if (compareVersions(resourceVersion, this.#seen) > 0) this.#seen = resourceVersion
  }

  /** For the reflector: a list taken at this version is in, and had these keys. What it lacks is gone, unless newer. */
  async retain(keys: ReadonlySet<string>, resourceVersion: string): Promise<void> {
    const before = this.#seen
    this.advance(resourceVersion)
    const turns = new EventLoopYield()
    for (const [key, object] of this.#objects) {
      const gone = !keys.has(key) && compareVersions(object.metadata.resourceVersion, resourceVersion) <= 0
      if (gone) this.#put(key, object, undefined, before)
      await turns.maybeYield()
    }
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

  /** Whether a list of this version is older than what has been seen, so that the cluster may have gone back. */
  isPast(resourceVersion: string): boolean {
    return compareVersions(resourceVersion, this.#seen) < 0
  }

  /**
   * Makes the content equal to a complete list of a cluster that has gone back to this version, in slices. Versions of
   * what was there before say nothing now. What is put in meanwhile is of the new history and stays.
   */
  async rebuild(items: Iterable<T>, resourceVersion: string): Promise<void> {
    this.#seen = resourceVersion
    for (const key of this.#objects.keys()) this.#former.add(key)
    const turns = new EventLoopYield()
    for (const item of items) {
      this.upsert(item)
      await turns.maybeYield()
    }
    for (const key of this.#former) {
      this.#former.delete(key)
      this.#put(key, this.#objects.get(key), undefined, '0')
      await turns.maybeYield()
    }
  }

  #index(name: string): ObjectIndex<T> {
    const index = this.#indexes.get(name)
    if (index === undefined) throw new TypeError(`no index named ${name}`)
    return index
  }

  #put(key: string, old: T | undefined, now: T | undefined, after?: string): void {
    for (const index of this.#indexes.values()) index.replace(key, old, now)
    if (now === undefined) this.#objects.delete(key)
    else this.#objects.set(key, now)
    this.#undelivered.push({ key, old, now, ...(after !== undefined && { after }) })
    if (!this.#delivering) this.#deliver()
  }

  /** A handler may itself change the store; every handler still sees the changes in one order. */
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
      this.#log?.error({ err: error, key: change.key }, 'a change handler threw')
    }
  }
}

function isNewer(one: KubeObject, other: KubeObject): boolean {
  return compareVersions(one.metadata.resourceVersion, other.metadata.resourceVersion) > 0
}
