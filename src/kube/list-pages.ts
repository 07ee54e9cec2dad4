import type { KubeObject } from '../api/object.ts'
import type { ListPage } from './parse.ts'
import { Gone } from './errors.ts'
import type { Listing } from './listing.ts'
import { sliceSize, Slices } from './slices.ts'

type AskForPage<T> = (options: { limit: number; continue?: string }) => Promise<ListPage<T>>

/** The pages have taken longer than the server remembers their version. */
class PagesExpired extends Error {
  override name = 'PagesExpired'
}

/**
 * Lists in pages, for servers without WatchList, and returns the list's version. Each page is dropped before the
 * next one is asked for.
 */
export async function listPages<T extends KubeObject>(listing: Listing<T>, ask: AskForPage<T>): Promise<string> {
  let page = await ask({ limit: sliceSize })
  for (;;) {
    await takeIn(page.items, listing)
    if (page.continue === undefined) return page.resourceVersion
    page = await ask({ limit: sliceSize, continue: page.continue }).catch((error: unknown) => {
      throw error instanceof Gone ? new PagesExpired('the list has to begin anew', { cause: error }) : error
    })
  }
}

async function takeIn<T extends KubeObject>(items: readonly T[], listing: Listing<T>): Promise<void> {
  const slices = new Slices()
  for (const item of items) {
    listing.upsert(item)
    await slices.step()
  }
}
