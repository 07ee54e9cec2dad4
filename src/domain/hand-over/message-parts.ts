import type { RunnerJobSpec } from '../../api/runner-job.ts'

/** Which message: one attempt to hand over one job. */
export type MessageRef = Pick<NonNullable<RunnerJobSpec['message']>, 'id' | 'parts'>

/** Bytes in one Secret, which may hold 1 MiB in all. */
export const PART_BYTES = 1_000_000

/** The key under which each Secret holds its part. */
export const PART_KEY = 'part'

/** Longest packed message, in bytes. */
export const MAX_PACKED_BYTES = 8 * 1024 * 1024

/** The Lease that holds the Secrets of a message until its job, or nobody, needs them. */
export function messageLeaseName(job: string, id: string): string {
  return `${job}-${id}`
}

/** The Secrets of a message, in the order of its parts. */
export function partNames(job: string, { id, parts }: MessageRef): string[] {
  return Array.from({ length: parts }, (_, index) => `${job}-${id}-${index}`)
}
