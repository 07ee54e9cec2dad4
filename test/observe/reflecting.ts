import type { KubeObject, Resource } from '../../src/api/object.ts'
import type { History } from '../../src/kube/cache/history.ts'
import { Reflector, type ReflectorMetrics } from '../../src/kube/cache/reflector.ts'
import { Store } from '../../src/kube/cache/store.ts'
import type { KubeClient } from '../../src/kube/client/client.ts'
import type { Clock } from '../../src/kube/runtime/clock.ts'
import type { Log } from '../../src/kube/runtime/logger.ts'
import { RecordedLog } from '../documents/recorded-log.ts'

/** A running reflector, its store, and the changes that it has reported. */
export interface Reflecting<T extends KubeObject> {
  store: Store<T>
  reflector: Reflector<T>
  log: RecordedLog
  /** The number of objects of each completed list. */
  lists: number[]
  failures: string[]
  /** Names of objects by kind of change: `+a`, `~a`, `-a`. */
  changes: string[]
  /** Stops the reflector and waits for its end. */
  stop(): Promise<void>
}

export interface ReflectingOptions<T extends KubeObject> {
  client: KubeClient
  resource: Resource<T>
  namespace: string
  labelSelector?: string
  fieldSelector?: string
  idleMs?: number
  history?: History
  clock?: Clock
  random?: () => number
  /** Replaces the recording metrics. */
  log?: Log
  metrics?: ReflectorMetrics
}

/** Starts a reflector with the shortest delays, unless `random` is given. */
export function reflect<T extends KubeObject>(options: ReflectingOptions<T>): Reflecting<T> {
  const [store, log, stop] = [new Store<T>(), new RecordedLog(), new AbortController()]
  const [lists, failures, changes]: [number[], string[], string[]] = [[], [], []]
  store.onChange(({ old, now }) => {
    const sign = old === undefined ? '+' : now === undefined ? '-' : '~'
    changes.push(`${sign}${(now ?? old)?.metadata.name ?? ''}`)
  })
  const metrics: ReflectorMetrics = {
    listed: (_resource, objects) => lists.push(objects),
    ended: () => undefined,
    failed: (_resource, reason) => failures.push(reason),
  }
  const reflector = new Reflector<T>({ random: () => 0, log, metrics, ...options, store })
  const running = reflector.run(stop.signal)
  return {
    store,
    reflector,
    log,
    lists,
    failures,
    changes,
    stop: async () => {
      stop.abort()
      await running
    },
  }
}
