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

/** What ended a container, if a kubelet's Event about it shows that. */
export function enderIn({ reason, note }: { reason: string; note: string }): Ender | undefined {
  if (reason === 'FailedPostStartHook') return 'postStart hook'
  const [, probe] = (reason === 'Killing' && /^Container \S+ failed (startup|liveness) probe/.exec(note)) || []
  return probe === undefined ? undefined : probe === 'startup' ? 'startup probe' : 'liveness probe'
}
