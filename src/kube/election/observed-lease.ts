import { compareVersions } from '../cache/transform.ts'
import type { Lease } from './lease.ts'

/**
 * Another process's Lease, as observed. It counts as held for its whole duration after its last observed change, by our
 * own monotonic clock; the times in its spec are never read. A deleted Lease still counts as held for that long. So does
 * one that went back to an earlier version, whoever holds it there: the cluster was restored from a snapshot, and another
 * process may lead until it notices that.
 */
export class ObservedLease {
  readonly #identity: string
  readonly #defaultMs: number
  #spec = ''
  #version: string | undefined
  #heldUntil = Number.NEGATIVE_INFINITY

  constructor(identity: string, defaultMs: number) {
    this.#identity = identity
    this.#defaultMs = defaultMs
  }

  /** Records a read whose response arrived by this time. */
  observe(lease: Lease | undefined, atMs: number): void {
    if (lease === undefined) return
    const spec = JSON.stringify(lease.spec)
    const { holderIdentity = '', leaseDurationSeconds = 0 } = lease.spec ?? {}
    const { resourceVersion } = lease.metadata
    const wentBack = this.#version !== undefined && compareVersions(resourceVersion, this.#version) < 0
    this.#version = resourceVersion
    const isFree = holderIdentity === '' || holderIdentity === this.#identity
    const durationMs = leaseDurationSeconds > 0 ? leaseDurationSeconds * 1000 : this.#defaultMs
    if (wentBack) this.#heldUntil = atMs + Math.max(durationMs, this.#defaultMs)
    else if (spec !== this.#spec) this.#heldUntil = isFree ? Number.NEGATIVE_INFINITY : atMs + durationMs
    this.#spec = spec
  }

  /** How long the Lease still counts as held; 0 when it may be acquired. */
  heldForMs(nowMs: number): number {
    return Math.max(0, this.#heldUntil - nowMs)
  }
}
