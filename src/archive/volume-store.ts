import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type ArchiveLimits, type Attempt, type KeptJob, type KeptStore, PartExists } from './store.ts'

const SUFFIX = '.gz'

/** Names of objects and of parts. They cannot lead out of their folder. */
const SEGMENT = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/

/**
 * Keeps logs in a folder that all replicas mount: NAMESPACE/JOB_UID/POD_UID/PART.gz. A part appears whole or not at all,
 * and is never replaced.
 */
export class VolumeStore implements KeptStore {
  readonly limits: ArchiveLimits
  readonly #folder: string

  constructor({ folder, limits }: { folder: string; limits: ArchiveLimits }) {
    this.#folder = folder
    this.limits = limits
  }

  async put(attempt: Attempt, name: string, part: Buffer, signal: AbortSignal): Promise<void> {
    const folder = this.#folderOf(attempt)
    const path = join(folder, fileOf(name))
    const begun = join(folder, `.${randomUUID()}`)
    await mkdir(folder, { recursive: true })
    try {
      const file = await open(begun, 'wx', 0o640)
      try {
        await file.writeFile(part, { signal })
        await file.sync()
      } finally {
        await file.close()
      }
      // Unlike a rename, a link never replaces a file.
      await link(begun, path)
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
      if ((await this.get(attempt, name, signal))?.equals(part) !== true) throw new PartExists(path)
    } finally {
      await rm(begun, { force: true })
    }
  }

  async get(attempt: Attempt, name: string, signal: AbortSignal): Promise<Buffer | undefined> {
    return orAbsent(readFile(join(this.#folderOf(attempt), fileOf(name)), { signal }))
  }

  async names(attempt: Attempt): Promise<string[]> {
    const files = (await orAbsent(readdir(this.#folderOf(attempt)))) ?? []
    return files
      .filter((file) => file.endsWith(SUFFIX) && !file.startsWith('.'))
      .map((file) => file.slice(0, -SUFFIX.length))
  }

  async *jobs(namespace: string): AsyncGenerator<KeptJob> {
    const folder = join(this.#folder, segment(namespace))
    for (const jobUid of (await orAbsent(readdir(folder))) ?? []) {
      if (!SEGMENT.test(jobUid)) continue
      yield { jobUid, storedAt: () => latestOf(join(folder, jobUid)) }
    }
  }

  async delete(namespace: string, jobUid: string): Promise<void> {
    await rm(join(this.#folder, segment(namespace), segment(jobUid)), { recursive: true, force: true })
  }

  #folderOf({ namespace, jobUid, podUid }: Attempt): string {
    return join(this.#folder, segment(namespace), segment(jobUid), segment(podUid))
  }
}

function fileOf(name: string): string {
  return `${segment(name)}${SUFFIX}`
}

function segment(name: string): string {
  if (SEGMENT.test(name)) return name
  throw new Error(`${JSON.stringify(name)} is no name of a file`)
}

/** When the latest pod of a job got its latest part. */
async function latestOf(folder: string): Promise<Date> {
  const times = [(await stat(folder)).mtime]
  for (const pod of await readdir(folder)) times.push((await stat(join(folder, pod))).mtime)
  return new Date(Math.max(...times.map(Number)))
}

async function orAbsent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
