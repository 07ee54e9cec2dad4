/** The pods of a drain, counted in three ways. */
export interface PodCounts {
  /** Pod creates in the API server's audit log. */
  audit: number
  /** Pods shown by a watch. */
  watch: number
  /** The API server's own count at the end. */
  listed: number
}

/** Throws if a count differs from one pod per job: the measurement would be invalid. */
export function demandOneEach(counts: PodCounts, jobs: number): PodCounts {
  if (Object.values(counts).every((count) => count === jobs)) return counts
  throw new Error(`${jobs} jobs must have ${jobs} pods by every count: ${JSON.stringify(counts)}`)
}
