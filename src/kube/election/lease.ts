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

/** Who takes or renews a Lease, for how long, and the wall time that readers are shown. */
export interface Holder {
  identity: string
  leaseMs: number
  now: Date
}

/** RFC 3339 with six digits, as Kubernetes writes a MicroTime. */
export function microTime(time: Date): string {
  return time.toISOString().replace('Z', '000Z')
}

/** The spec with which the holder takes the Lease, or renews it if it is theirs already. */
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

/** The spec of a Lease that anybody may take at once. */
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
