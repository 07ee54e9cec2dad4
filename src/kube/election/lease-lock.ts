import type { KubeClient } from '../client/client.ts'
import { NotFound } from '../client/errors.ts'
import type { ObjectKey } from '../client/resource-path.ts'
import type { Clock } from '../runtime/clock.ts'
import { withTimeout } from '../runtime/signals.ts'
import { type Lease, leases, type LeaseSpec } from './lease.ts'

/** One Lease at the API server. Every request has a time limit of its own, so that a dead connection costs one try. */
export class LeaseLock {
  readonly #client: KubeClient
  readonly #clock: Clock
  readonly #key: ObjectKey

  constructor(client: KubeClient, clock: Clock, key: ObjectKey) {
    this.#client = client
    this.#clock = clock
    this.#key = key
  }

  async read(limitMs: number, signal: AbortSignal): Promise<Lease | undefined> {
    try {
      return await withTimeout({ clock: this.#clock, ms: limitMs }, signal, (limited) =>
        this.#client.get(leases, this.#key, limited),
      )
    } catch (error) {
      if (error instanceof NotFound) return undefined
      throw error
    }
  }

  /** Writes the spec, if nobody has changed the Lease since `before` was read: else Conflict or AlreadyExists. */
  write(before: Lease | undefined, spec: LeaseSpec, limitMs: number, signal: AbortSignal): Promise<Lease> {
    return withTimeout({ clock: this.#clock, ms: limitMs }, signal, (limited) => {
      if (before !== undefined) return this.#client.replace(leases, { ...before, spec }, limited)
      const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { ...this.#key }, spec }
      return this.#client.create(leases, lease, limited)
    })
  }
}
