import { S3Store } from '../../../src/archive/s3-store.ts'
import { type ArchiveStore, type Attempt, keptLimits } from '../../../src/archive/store.ts'
import { VolumeStore } from '../../../src/archive/volume-store.ts'
import { ArchiveWriter } from '../../../src/archive/writer.ts'

const limits = keptLimits(256)
const forever = new AbortController().signal

/** The job of the long log. */
export const archivedJob = {
  metadata: { name: '00000000-0000-4000-8000-000000000001', uid: 'job' },
  podUid: 'pod',
} as const

export const longLogAttempt: Attempt = {
  namespace: 'ns',
  jobName: archivedJob.metadata.name,
  jobUid: archivedJob.metadata.uid,
  podUid: archivedJob.podUid,
}

/** The store at a place: the URL of an S3 server with the bucket `logs`, or a folder. */
export function storeAt(place: string): ArchiveStore {
  if (!place.startsWith('http')) return new VolumeStore({ folder: place, limits })
  const settings = { bucket: 'logs', prefix: '', region: 'us-east-1', endpoint: place, pathStyle: true }
  return new S3Store({ settings, limits })
}

/** What a long log has. */
export interface LongLog {
  lines: number
  bytes: number
  packedBytes: number
}

/** Archives a log of so many MiB, with lines like those of a build. */
export async function writeLongLog(store: ArchiveStore, mib: number): Promise<LongLog> {
  let packedBytes = 0
  const persist = async (name: string, part: Buffer, signal: AbortSignal): Promise<void> => {
    packedBytes += part.length
    await store.put(longLogAttempt, name, part, signal)
  }
  const writer = new ArchiveWriter({ limits, persist })
  // Nobody reads on after a part.
  const position = () => ({ seconds: [], count: 1, bytes: 1, last: '', latest: '' })
  const wanted = mib * 1024 * 1024
  let [lines, bytes] = [0, 0]
  while (bytes < wanted) {
    const chunk: string[] = []
    for (let count = 0; count < 1000; count += 1) chunk.push(lineOf(lines++))
    const text = Buffer.from(chunk.join(''))
    bytes += text.length
    await writer.add(text, position, forever)
  }
  await writer.end('whole', forever)
  return { lines, bytes, packedBytes }
}

/** Copies it to another store. */
export async function copyLongLog(from: ArchiveStore, to: ArchiveStore): Promise<void> {
  for (const name of await from.names(longLogAttempt, forever)) {
    const part = await from.get(longLogAttempt, name, forever)
    if (part !== undefined) await to.put(longLogAttempt, name, part, forever)
  }
}

/** A thousand lines a second, of some 130 bytes, half of which pack badly. */
function lineOf(index: number): string {
  const stamp = new Date(Date.UTC(2026, 0, 1) + index).toISOString().replace('Z', '000000Z')
  const noise = [2654435761, 40503, 97].map((factor) => ((index * factor) % 4294967296).toString(36)).join('')
  return `${stamp} line ${index} [INFO] compiling module src/component-${index % 977}/file-${index % 131}.ts ${noise} done in ${index % 313} ms\n`
}
