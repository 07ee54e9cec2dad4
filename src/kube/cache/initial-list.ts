import { keyOf, type KubeObject } from '../../api/object.ts'
import { Gone } from '../client/errors.ts'
import type { ListPage } from '../client/parse.ts'
import { EventLoopYield, objectsPerTurn } from '../runtime/event-loop-yield.ts'
import type { Deferred } from '../runtime/signals.ts'
import { WentBack } from './history.ts'
import type { Store } from './store.ts'

/**
 * Loads one complete list into a store. Each object is stored as it arrives, so that memory never holds a second copy
 * of the list; objects that the list lacks are removed at its end.
 */
export class InitialList<T extends KubeObject> {
  protected readonly store: Store<T>
  readonly #waiting: Deferred<void>[]
  readonly #keys = new Set<string>()
  /** The versions of listed objects that the store holds in a newer version. */
  readonly #older = new Map<string, string>()

  constructor(store: Store<T>, waiting: Deferred<void>[]) {
    this.store = store
    this.#waiting = waiting
  }

  upsert(object: T): void {
    const key = keyOf(object)
    const { resourceVersion } = object.metadata
    if (this.store.hasNewer(key, resourceVersion)) this.#older.set(key, resourceVersion)
    else this.#older.delete(key)
    this.store.upsert(object)
    this.#keys.add(key)
  }

  remove(object: T): void {
    this.store.remove(object)
    this.#keys.delete(keyOf(object))
    this.#older.delete(keyOf(object))
  }

  /** The number of objects listed so far. */
  get size(): number {
    return this.#keys.size
  }

  /** Rejects with WentBack where the list is too old to show which objects are gone. */
  async complete(resourceVersion: string): Promise<void> {
    await this.settle(resourceVersion)
    for (const waiting of this.#waiting.splice(0)) waiting.resolve()
  }

  /** The callers that still wait for a list because this one did not complete. */
  unserved(): Deferred<void>[] {
    return this.#waiting.splice(0)
  }

  protected async settle(resourceVersion: string): Promise<void> {
    if (this.store.isPast(resourceVersion)) {
      throw new WentBack(`a list of version ${resourceVersion} is older than version ${this.store.version}`)
    }
    for (const [key, version] of this.#older) {
      if (this.store.contradicts(key, version, resourceVersion))
        throw new WentBack(`a list of version ${resourceVersion} has an older ${key} than the cache`)
    }
    await this.store.retain(this.#keys, resourceVersion)
  }
}

/** The list after a too old one. It is buffered until its version shows whether the cluster was restored. */
export class DoubtfulListing<T extends KubeObject> extends InitialList<T> {
  readonly #items = new Map<string, T>()

  override upsert(object: T): void {
    this.#items.set(keyOf(object), object)
  }

  override remove(object: T): void {
    this.#items.delete(keyOf(object))
  }

  override get size(): number {
    return this.#items.size
  }

  protected override async settle(resourceVersion: string): Promise<void> {
    const { store } = this
    const items = [...this.#items.values()]
    const isOther = ([key, { metadata }]: [string, T]): boolean =>
      store.contradicts(key, metadata.resourceVersion, resourceVersion)
    await (store.isPast(resourceVersion) || [...this.#items].some(isOther)
      ? store.rebuild(items, resourceVersion)
      : store.replaceAll(items, resourceVersion))
  }
}

type RequestPage<T> = (options: { limit: number; continue?: string }) => Promise<ListPage<T>>

/** The pages took longer than the API server keeps their version. */
class PagesExpired extends Error {
  override name = 'PagesExpired'
}

/**
 * Lists in pages, for servers without WatchList, and returns the list's version. Each page is released before the
 * next one is requested.
 */
export async function listPages<T extends KubeObject>(
  initialList: InitialList<T>,
  requestPage: RequestPage<T>,
): Promise<string> {
  let page = await requestPage({ limit: objectsPerTurn })
  for (;;) {
    await upsertAll(page.items, initialList)
    if (page.continue === undefined) return page.resourceVersion
    page = await requestPage({ limit: objectsPerTurn, continue: page.continue }).catch((error: unknown) => {
      throw error instanceof Gone
        ? new PagesExpired('the continue token expired; the list starts again', { cause: error })
        : error
    })
  }
}

async function upsertAll<T extends KubeObject>(items: readonly T[], initialList: InitialList<T>): Promise<void> {
  const turns = new EventLoopYield()
  for (const item of items) {
    initialList.upsert(item)
    await turns.maybeYield()
  }
}
