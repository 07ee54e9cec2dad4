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
  await replace('src/agent/agent.sh', join(dist, 'agent.sh'))
  await replace('package.json', join(folder, 'package.json'))
  await copyPage(dist)
  return join(dist, 'main.js')
}

/** Copies the page, once it is built, to the operators that start from here on. */
export async function copyPage(dist = join(root, 'build/bundled/main/dist')): Promise<void> {
  await mkdir(join(dist, 'page-files'), { recursive: true })
  const names = await readdir(join(root, 'build/page')).catch((): string[] => [])
  // The one that names the others is last.
  names.sort((a, b) => Number(a === 'page.json') - Number(b === 'page.json'))
  for (const name of names) await replace(join('build/page', name), join(dist, 'page-files', name))
}

async function replace(from: string, target: string): Promise<void> {
  const temporary = `${target}.${randomBytes(4).toString('hex')}`
  await copyFile(join(root, from), temporary)
  await rename(temporary, target)
}
