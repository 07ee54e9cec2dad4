/** Whose log is stored: one pod of a job. */
export interface Attempt {
  namespace: string
  jobName: string
  jobUid: string
  podUid: string
}

/** How much of a log is kept, and in which pieces. All are bytes. */
export interface ArchiveLimits {
  /** Packed bytes at the beginning of a log. */
  head: number
  /** Packed bytes at its end, which wait in memory. */
  tail: number
  /** A part is stored once it has so many packed bytes, or so many bytes of the log. */
  packedPart: number
  part: number
}

/** The name already has other content: another process writes the same log. */
export class PartExists extends Error {
  override name = 'PartExists'
}

/** Keeps parts of logs under names. Parts never change; to store one twice is to store it once. */
export interface ArchiveStore {
  readonly limits: ArchiveLimits
  /** Stores a part. Throws PartExists if another part has its name. */
  put(attempt: Attempt, name: string, part: Buffer, signal: AbortSignal): Promise<void>
  /** A part; undefined if there is none of this name. */
  get(attempt: Attempt, name: string, signal: AbortSignal): Promise<Buffer | undefined>
  /** The names of all parts of an attempt. Only for what is rare. */
  names(attempt: Attempt, signal: AbortSignal): Promise<string[]>
}

/** The logs of a job in a store that keeps them beyond it. */
export interface KeptJob {
  jobUid: string
  /** When its latest part was stored. */
  storedAt: () => Promise<Date>
}

/** A store outside the cluster. Nothing deletes its logs together with their jobs, so the leader does. */
export interface KeptStore extends ArchiveStore {
  /** All jobs of a namespace that have logs. */
  jobs(namespace: string, signal: AbortSignal): AsyncIterable<KeptJob>
  /** Deletes the logs of a job. */
  delete(namespace: string, jobUid: string, signal: AbortSignal): Promise<void>
}

const KIB = 1024

/** The limits of such a store: up to so many MiB of packed text of one log. */
export function keptLimits(attemptMib: number): ArchiveLimits {
  const tail = 256 * KIB
  return { head: attemptMib * KIB * KIB - tail, tail, packedPart: 512 * KIB, part: 4096 * KIB }
}
