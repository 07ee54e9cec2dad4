import { readFile } from 'node:fs/promises'
import { type Content, contentOf } from '../static-content.ts'

/** The built page: its two files by their names, which have the hash of their content. */
export interface Bundle {
  contents: ReadonlyMap<string, Content>
  script: string
  style: string
}

/** Beside this file in the image (config/image/prepare.ts); in a checkout where config/page/build.ts writes. */
const folders = [new URL('page-files/', import.meta.url), new URL('../../../build/page/', import.meta.url)]

/** The files of the page, which are read once. */
export class PageFiles {
  #bundle: Promise<Bundle | undefined> | undefined

  /** The built page; undefined if it was not built. */
  async bundle(): Promise<Bundle | undefined> {
    this.#bundle ??= read()
    const bundle = await this.#bundle
    // It may be built later.
    if (bundle === undefined) this.#bundle = undefined
    return bundle
  }
}

async function read(): Promise<Bundle | undefined> {
  for (const folder of folders) {
    const text = await readFile(new URL('page.json', folder), 'utf8').catch(() => undefined)
    if (text === undefined) continue
    const { script, style } = namesIn(text)
    const load = async (type: string, name: string): Promise<[string, Content]> => {
      return [name, await contentOf(type, await readFile(new URL(name, folder)))]
    }
    const contents = await Promise.all([load('text/javascript', script), load('text/css', style)])
    return { contents: new Map(contents), script, style }
  }
  return undefined
}

function namesIn(text: string): { script: string; style: string } {
  const value: unknown = JSON.parse(text)
  const { script, style } = Object.fromEntries(Object.entries(typeof value === 'object' && value !== null ? value : {}))
  if (typeof script !== 'string' || typeof style !== 'string') throw new Error('page.json names no script and style')
  return { script, style }
}
