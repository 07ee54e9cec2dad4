import type { KubeObject, Resource } from '../api/object.ts'
import { Reflector } from '../kube/cache/reflector.ts'
import { Store, type StoreOptions } from '../kube/cache/store.ts'
import type { Log } from '../kube/runtime/logger.ts'
import { abortable, deferred, linkedAbortController } from '../kube/runtime/signals.ts'
import type { Selection } from './pages.ts'
import type { Session } from './session.ts'

interface Watching<T extends KubeObject> extends Selection {
  resource: Resource<T>
  transform?: StoreOptions<T>['transform']
  /** The contact was lost, and is tried again. */
  onTrouble?: (message: string) => void
}

/** Keeps a store equal to the selected objects for the time of `use`, through failures of the API server. */
export async function watched<T extends KubeObject, R>(
  { client, host }: Session,
  { resource, transform, onTrouble, ...selection }: Watching<T>,
  use: (store: Store<T>) => Promise<R>,
): Promise<R> {
  // A wrong selector or a missing right fails here; the reflector would try again for ever.
  await client.listPage(resource, selection.namespace, { ...selectorsOf(selection), limit: 1 }, host.signal)
  const stop = linkedAbortController(host.signal)
  const store = new Store<T>(transform === undefined ? {} : { transform })
  const { clock, random } = host
  const reflector = new Reflector({ client, resource, ...selection, store, clock, random, log: logTo(onTrouble) })
  const running = reflector.run(stop.signal)
  try {
    await store.synced(host.signal)
    return await use(store)
  } finally {
    stop.abort(new Error('no longer needed'))
    stop.release()
    await running
  }
}

/** Resolves with the first value that is not undefined: now, or after a change of the store. */
export async function untilStored<T extends KubeObject, R>(
  store: Store<T>,
  look: () => R | undefined,
  signal: AbortSignal,
): Promise<R> {
  const found = deferred<R>()
  const check = (): void => {
    const value = look()
    if (value !== undefined) found.resolve(value)
  }
  const unsubscribe = store.onChange(check)
  check()
  try {
    return await abortable(found.promise, signal)
  } finally {
    unsubscribe()
  }
}

function selectorsOf({ labelSelector, fieldSelector }: Selection): Omit<Selection, 'namespace'> {
  return {
    ...(labelSelector !== undefined && { labelSelector }),
    ...(fieldSelector !== undefined && { fieldSelector }),
  }
}

function logTo(onTrouble: ((message: string) => void) | undefined): Log {
  const silent = (): void => {}
  const warn = (fields: object): void => {
    const error: unknown = Reflect.get(fields, 'err')
    onTrouble?.(error instanceof Error ? error.message : 'the watch failed')
  }
  return { debug: silent, info: silent, warn, error: silent }
}
