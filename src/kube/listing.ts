import { keyOf, type KubeObject } from '../api/object.ts'
import type { Deferred } from './deferred.ts'
import type { Store } from './store.ts'

/**
 * One complete list on its way into a store. Each object goes in as it comes, so that no second copy of everything is
 * ever held; what the list did not show is taken out at its end.
 */
export class Listing<T extends KubeObject> {
  readonly #store: Store<T>
  readonly #waiting: Deferred<void>[]
  readonly #keys = new Set<string>()

  constructor(store: Store<T>, waiting: Deferred<void>[]) {
    this.#store = store
    this.#waiting = waiting
  }

  upsert(object: T): void {
    this.#store.upsert(object)
    this.#keys.add(keyOf(object))
  }

  remove(object: T): void {
    this.#store.remove(object)
    this.#keys.delete(keyOf(object))
  }

  /** How many objects the list has shown. */
  get size(): number {
    return this.#keys.size
  }

  async complete(resourceVersion: string): Promise<void> {
    await this.#store.retain(this.#keys, resourceVersion)
    for (const waiting of this.#waiting.splice(0)) waiting.resolve()
  }

  /** Who still waits for a list, because this one did not come to its end. */
  unserved(): Deferred<void>[] {
    return this.#waiting.splice(0)
  }
}
