import type { Pod, PodVolume } from '../../api/pod.ts'

/** Whether a volume comes from a PersistentVolumeClaim. */
export function needsClaim({ persistentVolumeClaim, ephemeral }: PodVolume): boolean {
  return persistentVolumeClaim !== undefined || ephemeral !== undefined
}

/** The names of the PersistentVolumeClaims that the pod needs. */
export function claimsOf({ metadata, spec: { volumes = [] } }: Pod): string[] {
  return volumes.filter(needsClaim).map(({ name, persistentVolumeClaim: claim }) => {
    return claim === undefined ? `${metadata.name}-${name}` : claim.claimName
  })
}

/**
 * An object that a volume or a device of the pod needs, and that somebody has to create or to repair, in the words of the
 * scheduler.
 */
const unavailable = [
  /\b(?:persistentvolumeclaim|persistentvolume|resourceclaim|storageclass)[.\w]* "[^"]*" (?:not found|is being deleted|bound to non-existent)/,
  /\bwas not created for pod\b/,
  /\bbound to non-existent pv\b/,
  /\bfailed to find storage class\b/,
  /\bno class for claim\b/,
  /\bdevice class \S+ does not exist\b/,
  /\bprovisioning failed for PVC\b/,
]

/** Whether the scheduler names such an object. */
export function isUnavailable(message: string): boolean {
  return unavailable.some((words) => words.test(message))
}

/** The scheduler's words for a claim that is not ready yet: why, only Events show. */
const notReady = /unbound immediate PersistentVolumeClaims|ephemeral volume controller to create/

/** Whether the pod has no node yet because of a claim that may still become ready, or the scheduler has not said why. */
export function waitsForClaims({ spec, status }: Pod): boolean {
  const { nodeName, volumes = [], resourceClaims = [] } = spec
  if (nodeName !== undefined || (resourceClaims.length === 0 && !volumes.some(needsClaim))) return false
  const condition = status?.conditions?.find(({ type }) => type === 'PodScheduled')
  return condition === undefined || (condition.reason === 'Unschedulable' && notReady.test(condition.message ?? ''))
}
