import type { KubeObject, Resource } from '../../api/object.ts'

export interface LeaseSpec {
  holderIdentity?: string
  leaseDurationSeconds?: number
  acquireTime?: string
  renewTime?: string
  leaseTransitions?: number
}

export interface Lease extends KubeObject {
  spec?: LeaseSpec
}

export const leases: Resource<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
}

/** The holder of a Lease: its identity, the duration, and the wall time to write. */
export interface Holder {
  identity: string
  leaseMs: number
  now: Date
}

/** RFC 3339 with six fractional digits, the form of a Kubernetes MicroTime. */
export function microTime(time: Date): string {
  return time.toISOString().replace('Z', '000Z')
}

/** The spec with which the holder acquires the Lease, or renews it if it already holds it. */
export function heldSpec(before: LeaseSpec | undefined, { identity, leaseMs, now }: Holder): LeaseSpec {
  const isRenewal = before?.holderIdentity === identity
  const transitions = before?.leaseTransitions ?? 0
  return {
    ...before,
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(leaseMs / 1000),
    acquireTime: (isRenewal ? before.acquireTime : undefined) ?? microTime(now),
    renewTime: microTime(now),
    leaseTransitions: before === undefined || isRenewal ? transitions : transitions + 1,
  }
}

/** The spec of a released Lease, which any process may acquire at once. */
export function releasedSpec(before: LeaseSpec | undefined, now: Date): LeaseSpec {
  return {
    ...before,
    holderIdentity: '',
    leaseDurationSeconds: 1,
    acquireTime: microTime(now),
    renewTime: microTime(now),
    leaseTransitions: before?.leaseTransitions ?? 0,
  }
}
