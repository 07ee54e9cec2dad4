import type { KubeObject, Resource } from '../api/object.ts'
import type { KubeClient } from '../kube/client/client.ts'

const PAGE = 500

/** The metadata of all objects of a kind with these labels, read in pages. */
export async function* allPages(
  client: KubeClient,
  { resource, namespace, labelSelector }: { resource: Resource; namespace: string; labelSelector: string },
  signal: AbortSignal,
): AsyncGenerator<KubeObject> {
  let next: string | undefined
  do {
    const from = next === undefined ? {} : { continue: next }
    const page = await client.listMetadataPage(resource, namespace, { labelSelector, limit: PAGE, ...from }, signal)
    yield* page.items
    next = page.continue
  } while (next !== undefined)
}
