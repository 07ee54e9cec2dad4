import type { Pod } from '../../api/pod.ts'
import type { WaitingReason } from '../../api/reasons.ts'
import { waitsForClaims } from './claims.ts'
import { isBeingSetUp, type Waiting, waitingOf, waitsForSecrets } from './waiting.ts'

/** An Event of type Warning about a pod, or about one of its claims. */
export interface PodWarning {
  reason: string
  note: string
  /** When it was last seen, in milliseconds since the epoch. */
  lastMs: number
}

type Meanings = Readonly<Record<string, WaitingReason>>

/**
 * Event reasons that keep a pod from being set up on its node and do not show in its status. All others do, or are no
 * obstacle.
 */
const ofSetUp: Meanings = {
  FailedAttachVolume: 'VolumeUnavailable',
  FailedMapVolume: 'VolumeUnavailable',
  FailedMount: 'VolumeUnavailable',
  FailedCreatePodContainer: 'SandboxFailed', // its cgroup
  FailedCreatePodSandBox: 'SandboxFailed',
  FailedPodSandBoxStatus: 'SandboxFailed',
  FailedPrepareDynamicResources: 'SandboxFailed',
  FailedSync: 'SandboxFailed', // its runtime does not answer
  NetworkNotReady: 'SandboxFailed',
}

/** Those of a pod whose claims are not ready, and those of the claims. */
const ofClaims: Meanings = {
  ClaimLost: 'VolumeUnavailable',
  FailedBinding: 'VolumeUnavailable',
  FailedResourceClaimCreation: 'VolumeUnavailable',
  ProvisioningFailed: 'VolumeUnavailable',
  VolumeMismatch: 'VolumeUnavailable',
}

/** The kubelet's message about a pod whose folders it cannot create. Its reason has other meanings. */
const withoutFolders = /^error making pod data directories: /

/** The kubelet's message about image pull secrets that it does not find: another may do, so this is no obstacle alone. */
const withoutSecrets = /^Unable to retrieve some image pull secrets \(([^)]*)\)/

/** The kubelet's message after it has waited for all volumes: it names them, but not the cause. */
const withoutCause = /^Unable to attach or mount volumes: /

/**
 * The kubelet's cache of Secrets and ConfigMaps is late, as on a busy node, or does not know of the pod yet. It says nothing
 * about the object, and the kubelet soon tries again: another note names what is missing.
 */
const lateCache =
  /failed to sync (secret|configmap) cache: timed out waiting for the condition|object "[^"]*"\/"[^"]*" not registered/

/** Most notes that are joined: each volume may have one. */
const MOST_NOTES = 3

/** Whether Events may show more of what keeps the pod from starting than its status does. */
export function isExplainedByEvents(pod: Pod): boolean {
  return isBeingSetUp(pod) || waitsForClaims(pod) || waitsForSecrets(pod)
}

/** What the warnings mean for a pod that does not start, as it is now. */
export function warningOf(pod: Pod, warnings: readonly PodWarning[]): Waiting | undefined {
  // Kubelets of old do not say in the status when a pod has been set up.
  if (waitsForSecrets(pod)) return withMissingSecrets(pod, warnings)
  if (isBeingSetUp(pod)) return newestOf(warnings, ofSetUp)
  return waitsForClaims(pod) ? newestOf(warnings, ofClaims) : undefined
}

function withMissingSecrets(pod: Pod, warnings: readonly PodWarning[]): Waiting | undefined {
  const names = warnings.flatMap(({ note }) => withoutSecrets.exec(note)?.[1] ?? [])
  return names.length === 0 ? undefined : waitingOf(pod, [...new Set(names)].toSorted().join(', '))
}

/**
 * What the warnings with a meaning say. The newest warning decides the reason; all notes with that
 * reason are joined in a fixed order, since kubelets name one volume after the other.
 */
function newestOf(warnings: readonly PodWarning[], meanings: Meanings): Waiting | undefined {
  const meaningOf = ({ reason, note }: PodWarning) => meanings[withoutFolders.test(note) ? 'FailedSync' : reason]
  const known = warnings.filter((each) => meaningOf(each) !== undefined && !lateCache.test(each.note))
  const newest = known.reduce<PodWarning | undefined>(
    (best, each) => (best === undefined || each.lastMs > best.lastMs ? each : best),
    undefined,
  )
  const reason = newest === undefined ? undefined : meaningOf(newest)
  if (reason === undefined) return undefined
  const notes = known.filter((each) => meaningOf(each) === reason).map(({ note }) => steady(note))
  const causes = notes.filter((note) => !withoutCause.test(note))
  const shown = [...new Set(causes.length > 0 ? causes : notes)].toSorted().slice(0, MOST_NOTES)
  return { reason, message: shown.join('; '), fatal: false }
}

/** The note without the sandbox id, which changes at every try. */
function steady(note: string): string {
  return note.replace(/^\(combined from similar events\): /, '').replaceAll(/\b[0-9a-f]{32,}\b/g, '…')
}
