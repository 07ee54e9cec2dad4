import type { Caches } from '../cluster/caches.ts'
import type { KubeClient } from '../kube/client.ts'
import type { Clock } from '../kube/clock.ts'
import type { Log } from '../kube/log.ts'
import type { PerCaller } from './per-caller.ts'

/** What the routes work with. */
export interface FacadeParts {
  client: KubeClient
  caches: Caches
  namespace: string
  clock: Clock
  log: Log
  /** Version in the metadata of every answer. */
  version: string
  idempotencyWindowMs: number
  /** How often proxy runners say that they are there. */
  heartbeatMs: number
  /** Most proxy runners that are registered. */
  maxProxies: number
  /** Followed logs, which stay open. */
  logStreams: PerCaller
  metrics: Exposition
}

/** All metrics of the process, in Prometheus' text format, and what the facade adds to them. */
export interface Exposition {
  contentType: string
  text(): Promise<string>
  /** Counts an answer: the route's name, the status code, and the seconds that it took, where anybody knows. */
  answered(route: string, code: number, seconds?: number): void
}
