import { type ArchiveLimits, type ArchiveStore, type Attempt, PartExists } from '../../src/archive/store.ts'

/** An archive in memory: what a leader stored is there for the next one. */
export class MemoryStore implements ArchiveStore {
  readonly limits: ArchiveLimits
  readonly parts = new Map<string, Buffer>()
  /** The names of all parts that were read. */
  readonly asked: string[] = []

  constructor(limits: Partial<ArchiveLimits> = {}) {
    this.limits = { head: Infinity, tail: Infinity, packedPart: Infinity, part: Infinity, ...limits }
  }

  async put(attempt: Attempt, name: string, part: Buffer): Promise<void> {
    const known = this.parts.get(keyOf(attempt, name))
    if (known !== undefined && !known.equals(part)) throw new PartExists(name)
    this.parts.set(keyOf(attempt, name), part)
  }

  async get(attempt: Attempt, name: string): Promise<Buffer | undefined> {
    this.asked.push(name)
    return this.parts.get(keyOf(attempt, name))
  }

  async names(attempt: Attempt): Promise<string[]> {
    const prefix = keyOf(attempt, '')
    return [...this.parts.keys()].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length))
  }
}

export const anAttempt: Attempt = { namespace: 'ns', jobName: 'job', jobUid: 'job-uid', podUid: 'pod-uid' }

function keyOf({ podUid }: Attempt, name: string): string {
  return `${podUid}/${name}`
}
