import { keyOf, type KubeObject } from '../../api/object.ts'
import { Gone } from '../client/errors.ts'
import type { ListPage } from '../client/parse.ts'
import { EventLoopYield, objectsPerTurn } from '../runtime/event-loop-yield.ts'
import type { Deferred } from '../runtime/signals.ts'
import type { Store } from './store.ts'

/** A list is older than what has been seen: the cluster was restored, or a server does not know the latest. */
export class WentBack extends Error {
  override name = 'WentBack'
}

/**
 * One complete list on its way into a store. Each object goes in as it comes, so that no second copy of everything is
 * ever held; what the list did not show is taken out at its end.
 */
export class InitialList<T extends KubeObject> {
  protected readonly store: Store<T>
  readonly #waiting: Deferred<void>[]
  readonly #keys = new Set<string>()

  constructor(store: Store<T>, waiting: Deferred<void>[]) {
    this.store = store
    this.#waiting = waiting
  }

  upsert(object: T): void {
    this.store.upsert(object)
    this.#keys.add(keyOf(object))
  }

  remove(object: T): void {
    this.store.remove(object)
    this.#keys.delete(keyOf(object))
  }

  /** How many objects the list has shown. */
  get size(): number {
    return this.#keys.size
  }

  /** Rejects with WentBack where the list is too old to say what is gone. */
  async complete(resourceVersion: string): Promise<void> {
    await this.settle(resourceVersion)
    for (const waiting of this.#waiting.splice(0)) waiting.resolve()
  }

  /** Who still waits for a list, because this one did not come to its end. */
  unserved(): Deferred<void>[] {
    return this.#waiting.splice(0)
  }

  protected async settle(resourceVersion: string): Promise<void> {
    if (this.store.isPast(resourceVersion)) {
      throw new WentBack(`a list of version ${resourceVersion} is older than version ${this.store.version}`)
    }
    await this.store.retain(this.#keys, resourceVersion)
  }
}

/** The list that comes after one that was too old. It is held until its version says whether the cluster has gone back. */
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
    const items = this.#items.values()
    await (store.isPast(resourceVersion)
      ? store.rebuild(items, resourceVersion)
      : store.replaceAll(items, resourceVersion))
  }
}

type AskForPage<T> = (options: { limit: number; continue?: string }) => Promise<ListPage<T>>

/** The pages have taken longer than the server remembers their version. */
class PagesExpired extends Error {
  override name = 'PagesExpired'
}

/**
 * Lists in pages, for servers without WatchList, and returns the list's version. Each page is dropped before the
 * next one is asked for.
 */
export async function listPages<T extends KubeObject>(
  initialList: InitialList<T>,
  ask: AskForPage<T>,
): Promise<string> {
  let page = await ask({ limit: objectsPerTurn })
  for (;;) {
    await takeIn(page.items, initialList)
    if (page.continue === undefined) return page.resourceVersion
    page = await ask({ limit: objectsPerTurn, continue: page.continue }).catch((error: unknown) => {
      throw error instanceof Gone ? new PagesExpired('the list has to begin anew', { cause: error }) : error
    })
  }
}

async function takeIn<T extends KubeObject>(items: readonly T[], initialList: InitialList<T>): Promise<void> {
  const turns = new EventLoopYield()
  for (const item of items) {
    initialList.upsert(item)
    await turns.maybeYield()
  }
}
