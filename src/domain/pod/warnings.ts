import type { WaitingReason } from '../../api/reasons.ts'
import type { Waiting } from './waiting.ts'

/** An Event of type Warning about a pod. */
export interface PodWarning {
  reason: string
  note: string
  /** When it was last seen, in milliseconds since the epoch. */
  lastMs: number
}

/** What keeps a pod from starting and stands in its Events alone. All others repeat its status, or are no obstacle. */
const meanings: Readonly<Record<string, WaitingReason>> = {
  FailedAttachVolume: 'VolumeUnavailable',
  FailedMapVolume: 'VolumeUnavailable',
  FailedMount: 'VolumeUnavailable',
  FailedCreatePodSandBox: 'SandboxFailed',
  FailedPrepareDynamicResources: 'SandboxFailed',
  NetworkNotReady: 'SandboxFailed',
}

/** What the kubelet says when it has waited for all volumes: which, and not why. */
const withoutCause = /^Unable to attach or mount volumes: /

/** Most texts that are put together: each volume may have one. */
const MOST_NOTES = 3

/**
 * What the warnings about a pod that its node sets up mean. The newest decides what the trouble is; all texts about it
 * are put together in a fixed order, since kubelets name one volume after the other.
 */
export function warningOf(warnings: readonly PodWarning[]): Waiting | undefined {
  const known = warnings.filter(({ reason }) => meanings[reason] !== undefined)
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

/** Whether the node ended a container because the command failed that was to follow its start. */
export function isHookFailure({ reason }: PodWarning): boolean {
  return reason === 'FailedPostStartHook'
}

/** The text without what is another one at every try: the id of a sandbox. */
function steady(note: string): string {
  return note.replace(/^\(combined from similar events\): /, '').replaceAll(/\b[0-9a-f]{32,}\b/g, '…')
}
