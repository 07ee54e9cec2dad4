import type { KubeObject, Resource } from '../api/object.ts'
import type { KubeClient } from './client.ts'
import { systemClock, type Clock } from './clock.ts'
import type { Log } from './log.ts'
import type { Store } from './store.ts'

/** What the reflector counts; the resource is its plural name. */
export interface ReflectorMetrics {
  listed(resource: string, objects: number): void
  failed(resource: string, reason: string): void
}

export interface ReflectorOptions<T extends KubeObject> {
  client: KubeClient
  resource: Resource<T>
  namespace: string | undefined
  labelSelector?: string
  fieldSelector?: string
  store: Store<T>
  clock?: Clock
  random?: () => number
  log: Log
  metrics?: ReflectorMetrics
  idleMs?: number
}

/** Keeps a store equal to the cluster for as long as it runs. */
export class Reflector<T extends KubeObject> {
  constructor(options: ReflectorOptions<T>) {
    void options
    void systemClock
  }
  async run(signal: AbortSignal): Promise<void> {
    void signal
  }
  async relist(signal: AbortSignal): Promise<void> {
    void signal
  }
  lastContactMs(): number | undefined {
    return undefined
  }
}
