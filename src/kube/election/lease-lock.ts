import type { KubeClient } from '../client/client.ts'
import type { ObjectKey } from '../client/resource-path.ts'
import type { Clock } from '../runtime/clock.ts'
import { withTimeout } from '../runtime/signals.ts'
import { type Lease, leases, type LeaseSpec } from './lease.ts'

/** Reads and writes one Lease. Every request has its own time limit, so that a dead connection costs one attempt. */
export class LeaseLock {
  readonly #client: KubeClient
  readonly #clock: Clock
  readonly #key: ObjectKey

  constructor(client: KubeClient, clock: Clock, key: ObjectKey) {
    this.#client = client
    this.#clock = clock
    this.#key = key
  }

  read(limitMs: number, signal: AbortSignal): Promise<Lease | undefined> {
    return withTimeout({ clock: this.#clock, ms: limitMs }, signal, (limited) =>
      this.#client.find(leases, this.#key, limited),
    )
  }

  /** Writes the spec; fails with Conflict or AlreadyExists if the Lease has changed since `before` was read. */
  write(before: Lease | undefined, spec: LeaseSpec, limitMs: number, signal: AbortSignal): Promise<Lease> {
    return withTimeout({ clock: this.#clock, ms: limitMs }, signal, (limited) => {
      if (before !== undefined) return this.#client.replace(leases, { ...before, spec }, limited)
      const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { ...this.#key }, spec }
      return this.#client.create(leases, lease, limited)
    })
  }
}
