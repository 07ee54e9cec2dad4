/** The pods of a drain, counted in three ways. */
export interface PodCounts {
  /** Creates in the API server's audit log. */
  audit: number
  /** Those that a watch showed. */
  watch: number
  /** The API server's own count at the end. */
  listed: number
}

/** Throws where one of them is not one pod for each job: what was measured would then be something else. */
export function demandOneEach(counts: PodCounts, jobs: number): PodCounts {
  if (Object.values(counts).every((count) => count === jobs)) return counts
  throw new Error(`${jobs} jobs must have ${jobs} pods by every count: ${JSON.stringify(counts)}`)
}
