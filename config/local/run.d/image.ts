import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { clusterTool, root } from './cluster.ts'
import { locked } from './lock.ts'
import { type Ended, type ProgramOptions, run, tail } from './program.ts'
import { StepFailed } from './step-failed.ts'

/** Tools of the repository that its scripts call by name. */
const PATH = `${join(root, 'node_modules/.bin')}:${process.env['PATH']}`

/** The archive of the image that was built last. */
export const imageArchive = join(root, 'build/runnerhub-run.tar')
/** The file with the name of the image in the archive. */
const label = `${imageArchive}.name`

/**
 * Builds the operator's image, unless the last build had the same content, and returns its name. The name has a hash of
 * the content: a deployment notices other content, and no other image is replaced.
 */
export async function buildImage(
  baseImage: string,
  report: (message: string) => void,
  signal: AbortSignal,
): Promise<string> {
  await mkdir(dirname(imageArchive), { recursive: true })
  // One build at a time in this tree: all write to the same folder.
  return locked(join(root, 'build/image.lock'), () => build(baseImage, report, signal), signal)
}

async function build(baseImage: string, report: (message: string) => void, signal: AbortSignal): Promise<string> {
  const environment = { PATH, BASE_IMAGE: process.env['BASE_IMAGE'] || baseImage }
  const name = `docker.io/local/runnerhub:${await hashOfSources(environment.BASE_IMAGE)}`
  if (existsSync(imageArchive) && existsSync(label) && (await readFile(label, 'utf8')) === name) return name
  report(`building the image ${name}`)
  await rm(label, { force: true })
  await step('the image cannot be built', ['config/image/build', name, imageArchive], environment, signal)
  await writeFile(label, name)
  return name
}

/** Loads the image that was built last into the cluster. */
export async function loadImage(signal: AbortSignal): Promise<void> {
  await step('the image cannot be loaded into the cluster', [clusterTool, 'load-image', imageArchive], {}, signal)
}

/** A hash of the image's sources, which .dockerignore lists. */
async function hashOfSources(baseImage: string): Promise<string> {
  const rules = await readFile(join(root, '.dockerignore'), 'utf8')
  const sources = ['Dockerfile', ...[...rules.matchAll(/^!(.+)$/gm)].map(([, source = '']) => source)]
  const hash = createHash('sha256').update(baseImage)
  for (const path of (await Promise.all(sources.map(filesOf))).flat().sort()) {
    hash.update(path).update(await readFile(join(root, path)))
  }
  return hash.digest('hex').slice(0, 12)
}

/** The files of a folder, or the one file. */
async function filesOf(source: string): Promise<string[]> {
  if ((await stat(join(root, source))).isFile()) return [source]
  const entries = await readdir(join(root, source), { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => relative(root, join(entry.parentPath, entry.name)))
}

async function step(
  failure: string,
  command: readonly [string, ...string[]],
  environment: ProgramOptions['environment'] = {},
  signal: AbortSignal,
): Promise<void> {
  const ended: Ended = await run(command, { environment, directory: root }, signal)
  if (ended.code === 0) return
  const details = tail(`${ended.stdout}${ended.stderr}`, 30)
  throw new StepFailed(failure, { details, advice: `fix the cause that ${command.join(' ')} reports` })
}
