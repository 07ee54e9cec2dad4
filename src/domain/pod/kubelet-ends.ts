import type { Pod } from '../../api/pod.ts'
import { elementsOf, fieldsOf, type Json } from '../../api/json.ts'

/** What makes a kubelet end a container once it has failed. The container's status does not show it. */
export type Ender = 'postStart hook' | 'startup probe' | 'liveness probe'

/** Those that a container of the pod has. */
export function endersOf({ containers }: Pod['spec'], name: string): Ender[] {
  const container = elementsOf(containers)
    .map(fieldsOf)
    .find((each) => each['name'] === name)
  const enders: [ender: Ender, setting: unknown][] = [
    ['postStart hook', fieldsOf(container?.['lifecycle'])['postStart']],
    ['startup probe', container?.['startupProbe']],
    ['liveness probe', container?.['livenessProbe']],
  ]
  return enders.flatMap(([ender, setting]) => (isSet(setting) ? [ender] : []))
}

/** The containers that have one, without all else: `endersOf` has the same result for these. */
export function onlyEnders({ containers }: Pod['spec']): Json[] {
  return elementsOf(containers)
    .map(fieldsOf)
    .flatMap(({ name, lifecycle, startupProbe, livenessProbe }) => {
      const enders = {
        ...(isSet(fieldsOf(lifecycle)['postStart']) && { lifecycle: { postStart: {} } }),
        ...(isSet(startupProbe) && { startupProbe: {} }),
        ...(isSet(livenessProbe) && { livenessProbe: {} }),
      }
      return Object.keys(enders).length === 0 ? [] : [{ name, ...enders }]
    })
}

function isSet(setting: unknown): boolean {
  return typeof setting === 'object' && setting !== null
}

/** An Event of a kubelet about a container. */
interface ContainerEvent {
  reason: string
  note: string
  /** When it was last seen, in milliseconds since the epoch. */
  lastMs: number
}

/** How soon after the last failure of a probe the kubelet ends the container; times of Events are whole seconds. */
const PROMPTLY_MS = 10_000

/**
 * Which of these ended a container, if its Events show that. A kubelet that stops a whole pod because of a probe only says
 * that it stops each container, so the failure of the probe has to come right before that.
 */
export function enderIn(events: readonly ContainerEvent[], enders: readonly Ender[]): Ender | undefined {
  if (enders.includes('postStart hook') && events.some(({ reason }) => reason === 'FailedPostStartHook'))
    return 'postStart hook'
  const kills = events.filter(({ reason }) => reason === 'Killing')
  return enders.find((ender) => {
    const words = new RegExp(`\\b${ender} (failed|errored)`, 'i')
    const failures = events.filter(({ reason, note }) => reason === 'Unhealthy' && words.test(note))
    return kills.some(
      (kill) => kill.note.includes(`failed ${ender}`) || failures.some((each) => isRightBefore(each, kill)),
    )
  })
}

function isRightBefore(failure: ContainerEvent, kill: ContainerEvent): boolean {
  const ms = kill.lastMs - failure.lastMs
  return ms >= -1000 && ms <= PROMPTLY_MS
}
