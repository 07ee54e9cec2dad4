import type { KubeObject, Resource } from '../api/object.ts'
import { Gone } from '../kube/client/errors.ts'
import { Failure } from './exit.ts'
import type { Session } from './session.ts'

/** How many objects one response holds. */
const PAGE = 500

export interface Selection {
  labelSelector?: string
  fieldSelector?: string
  /** Undefined: all namespaces. */
  namespace: string | undefined
}

/** All objects of a kind, page by page. */
export async function* pagesOf<T extends KubeObject>(
  { client, host }: Pick<Session, 'client' | 'host'>,
  resource: Resource<T>,
  { namespace, ...selectors }: Selection,
): AsyncGenerator<T[], void, undefined> {
  let next: string | undefined
  do {
    const options = { limit: PAGE, ...selectors, ...(next !== undefined && { continue: next }) }
    const page = await client.listPage(resource, namespace, options, host.signal).catch((error: unknown) => {
      if (!(error instanceof Gone)) throw error
      throw new Failure('the list took longer than the API server keeps it; run the command again')
    })
    yield page.items
    next = page.continue
  } while (next !== undefined)
}

/** All objects of a kind, for those of which there are few. */
export async function allOf<T extends KubeObject>(
  session: Pick<Session, 'client' | 'host'>,
  resource: Resource<T>,
  selection: Selection,
): Promise<T[]> {
  const all: T[] = []
  for await (const page of pagesOf(session, resource, selection)) all.push(...page)
  return all
}
