import { randomBytes } from 'node:crypto'
import { copyFile, mkdir, readdir, rename } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { bundleProgram } from '../../config/image/program.ts'

const root = join(import.meta.dirname, '../..')

const running = new Map<string, Promise<string>>()

/** The operator, bundled as in its image. */
export function operatorProgram(): Promise<string> {
  return bundled('src/main.ts')
}

/** The path of a bundled program, with the files that the operator reads beside it. A process bundles each once. */
export function bundled(entry: string): Promise<string> {
  const bundling = running.get(entry) ?? bundle(entry, join(root, 'build/bundled', basename(entry, '.ts')))
  running.set(entry, bundling)
  return bundling
}

/** Bundles a program into FOLDER/dist. Another process may start the same files at any time: each is replaced as a whole. */
export async function bundle(entry: string, folder: string): Promise<string> {
  const dist = join(folder, 'dist')
  await bundleProgram(root, entry, dist)
  await mkdir(join(dist, 'page-files'), { recursive: true })
  const others: [from: string, to: string][] = [
    ['src/agent/agent.sh', 'dist/agent.sh'],
    ['package.json', 'package.json'],
  ]
  const temporary = `.${randomBytes(4).toString('hex')}`
  for (const [from, to] of [...others, ...(await pageFiles())]) {
    const target = join(folder, to)
    await copyFile(join(root, from), target + temporary)
    await rename(target + temporary, target)
  }
  return join(dist, 'main.js')
}

/** The files of the page, if it was built; the one that names the others is last. */
async function pageFiles(): Promise<[from: string, to: string][]> {
  const names = await readdir(join(root, 'build/page')).catch((): string[] => [])
  const ordered = [...names.filter((name) => name !== 'page.json'), ...names.filter((name) => name === 'page.json')]
  return ordered.map((name) => [`build/page/${name}`, `dist/page-files/${name}`])
}
