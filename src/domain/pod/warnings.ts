import type { WaitingReason } from '../../api/reasons.ts'
import type { Waiting } from './waiting.ts'

/** An Event of type Warning about a pod. */
export interface PodWarning {
  reason: string
  note: string
  /** When it was last seen, in milliseconds since the epoch. */
  lastMs: number
}

/** Event reasons that keep a pod from starting and do not show in its status. All others do, or are no obstacle. */
const meanings: Readonly<Record<string, WaitingReason>> = {
  FailedAttachVolume: 'VolumeUnavailable',
  FailedMapVolume: 'VolumeUnavailable',
  FailedMount: 'VolumeUnavailable',
  FailedCreatePodContainer: 'SandboxFailed', // its cgroup
  FailedCreatePodSandBox: 'SandboxFailed',
  FailedPodSandBoxStatus: 'SandboxFailed',
  FailedPrepareDynamicResources: 'SandboxFailed',
  NetworkNotReady: 'SandboxFailed',
}

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

/**
 * What the warnings mean for a pod that its node sets up. The newest warning decides the reason; all notes with that
 * reason are joined in a fixed order, since kubelets name one volume after the other.
 */
export function warningOf(warnings: readonly PodWarning[]): Waiting | undefined {
  const known = warnings.filter(({ reason, note }) => meanings[reason] !== undefined && !lateCache.test(note))
  const newest = known.reduce<PodWarning | undefined>(
    (best, each) => (best === undefined || each.lastMs > best.lastMs ? each : best),
    undefined,
  )
  const reason = meanings[newest?.reason ?? '']
  if (reason === undefined) return undefined
  const notes = known.filter((each) => meanings[each.reason] === reason).map(({ note }) => steady(note))
  const causes = notes.filter((note) => !withoutCause.test(note))
  const shown = [...new Set(causes.length > 0 ? causes : notes)].toSorted().slice(0, MOST_NOTES)
  return { reason, message: shown.join('; '), fatal: false }
}

/** Whether the node ended a container because its postStart hook failed. */
export function isHookFailure({ reason }: PodWarning): boolean {
  return reason === 'FailedPostStartHook'
}

/** The note without the sandbox id, which changes at every try. */
function steady(note: string): string {
  return note.replace(/^\(combined from similar events\): /, '').replaceAll(/\b[0-9a-f]{32,}\b/g, '…')
}
