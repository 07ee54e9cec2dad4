import type { Pod } from '../../api/pod.ts'
import { type Ender, enderIn } from '../../domain/pod/kubelet-ends.ts'
import type { PodWarning } from '../../domain/pod/warnings.ts'
import type { KubeClient } from '../../kube/client/client.ts'
import { Forbidden } from '../../kube/client/errors.ts'
import { events, type KubeEvent } from '../../kube/events/event.ts'

/** Most Events in one response. */
const PAGE = 500

/** The warnings about pods of a namespace, by UID, and about PersistentVolumeClaims, by name; only those that are asked for. */
export async function warningsAbout(
  client: KubeClient,
  namespace: string,
  of: { kind: 'Pod' | 'PersistentVolumeClaim'; keys: ReadonlySet<string> },
  signal: AbortSignal,
): Promise<Map<string, PodWarning[]>> {
  const found = new Map<string, PodWarning[]>()
  if (of.keys.size === 0) return found
  for await (const event of eventsIn(client, namespace, `type=Warning,regarding.kind=${of.kind}`, signal)) {
    const { uid, name } = event.regarding
    const key = of.kind === 'Pod' ? uid : name
    if (of.keys.has(key)) found.set(key, [...(found.get(key) ?? []), warningFrom(event)])
  }
  return found
}

/**
 * What of these made the kubelet end this container of the pod; undefined without the right to read Events, since the job
 * has to end all the same.
 */
export async function enderOf(
  client: KubeClient,
  { metadata: { uid, namespace = '' } }: Pod,
  { container, enders }: { container: string; enders: readonly Ender[] },
  signal: AbortSignal,
): Promise<Ender | undefined> {
  const found: PodWarning[] = []
  try {
    for await (const event of eventsIn(client, namespace, `regarding.uid=${uid}`, signal)) {
      if (event.regarding.fieldPath === `spec.containers{${container}}`) found.push(warningFrom(event))
    }
  } catch (error) {
    if (!(error instanceof Forbidden)) throw error
  }
  return enderIn(found, enders)
}

async function* eventsIn(
  client: KubeClient,
  namespace: string,
  fieldSelector: string,
  signal: AbortSignal,
): AsyncGenerator<KubeEvent, void, undefined> {
  const options = { fieldSelector, limit: PAGE }
  let page = await client.listPage(events, namespace, options, signal)
  for (;;) {
    yield* page.items
    if (page.continue === undefined) return
    page = await client.listPage(events, namespace, { ...options, continue: page.continue }, signal)
  }
}

/** Kubelets write the older form of Events, whose times have other names in events.k8s.io. */
function warningFrom({ reason, note, series, eventTime, deprecatedLastTimestamp, metadata }: KubeEvent): PodWarning {
  const last = series?.lastObservedTime ?? deprecatedLastTimestamp ?? eventTime ?? metadata.creationTimestamp
  // Other writers may have left it out.
  const text: unknown = note
  return { reason, note: typeof text === 'string' ? text : reason, lastMs: Date.parse(last) }
}
