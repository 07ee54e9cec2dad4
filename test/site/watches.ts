import { AsyncLocalStorage } from 'node:async_hooks'
import type { KubeObject, Resource } from '../../src/api/object.ts'
import { Reflector } from '../../src/kube/cache/reflector.ts'
import { Store } from '../../src/kube/cache/store.ts'
import { KubeClient } from '../../src/kube/client/client.ts'
import { isObject } from '../../src/kube/client/parse.ts'
import type { Connection } from '../../src/kube/connection/connection.ts'
import { deferred } from '../../src/kube/runtime/signals.ts'
import { RecordedLog } from '../documents/recorded-log.ts'

/** What a wait needs of a store, of whatever kind. */
interface Watched {
  get(key: string): KubeObject | undefined
  list(): Iterable<KubeObject>
  synced(signal: AbortSignal): Promise<void>
  onChange(handler: () => void): () => void
}

/** The result of a condition, and whether it read from the watches. */
interface Look<T> {
  value: T
  isFromWatches: boolean
}

/**
 * The watches of a namespace for the waits of its tests: one for each kind, opened at its first use and kept. A wait
 * costs the API server nothing, however often it checks.
 */
export class Watches {
  readonly #client: KubeClient
  readonly #namespace: string
  readonly #stop = new AbortController()
  readonly #watched = new Map<string, Watched>()
  readonly #running: Promise<void>[] = []
  /** Set while a condition runs whose reads come from here. */
  readonly #looking = new AsyncLocalStorage<{ reads: number }>()
  #change = deferred<void>()

  constructor(connection: Connection, namespace: string) {
    this.#client = new KubeClient(connection, { userAgent: 'test-watches' })
    this.#namespace = namespace
  }

  /** Uses an existing store for its kind. */
  adopt(resource: Resource, store: Watched): void {
    this.#watched.set(keyOf(resource), store)
    store.onChange(() => {
      this.#change.resolve()
      this.#change = deferred()
    })
  }

  /** Whether the caller is inside of `look`. */
  get isLooking(): boolean {
    return this.#looking.getStore() !== undefined
  }

  /** Calls a condition; its reads of the site come from here. */
  async look<T>(condition: () => T | Promise<T>): Promise<Look<T>> {
    const look = { reads: 0 }
    const value = await this.#looking.run(look, condition)
    return { value, isFromWatches: look.reads > 0 }
  }

  async get<T extends KubeObject>(resource: Resource<T>, name: string): Promise<T | undefined> {
    const object = (await this.#store(resource)).get(`${this.#namespace}/${name}`)
    return object !== undefined && isObject(resource, object) ? object : undefined
  }

  async list<T extends KubeObject>(resource: Resource<T>): Promise<T[]> {
    return [...(await this.#store(resource)).list()].filter((object) => isObject(resource, object))
  }

  /** Resolves at the next change of a watched object, or after a time limit. */
  async changed(withinMs: number): Promise<void> {
    const timer = deferred<void>()
    const running = setTimeout(timer.resolve, withinMs)
    await Promise.race([this.#change.promise, timer.promise])
    clearTimeout(running)
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('stopped'))
    await Promise.all(this.#running)
    await this.#client.close()
  }

  async #store(resource: Resource): Promise<Watched> {
    const look = this.#looking.getStore()
    if (look !== undefined) look.reads += 1
    const store = this.#watched.get(keyOf(resource)) ?? this.#watch(resource)
    await store.synced(this.#stop.signal)
    return store
  }

  #watch(resource: Resource): Watched {
    const store = new Store()
    this.adopt(resource, store)
    const log = new RecordedLog()
    const reflector = new Reflector({ client: this.#client, resource, namespace: this.#namespace, store, log })
    this.#running.push(reflector.run(this.#stop.signal))
    return store
  }
}

function keyOf({ group, plural }: Resource): string {
  return `${group}/${plural}`
}
