/** Jobs of one batch. The next one comes after a pause, so that other requests have the API server in between. */
export const BATCH = 100

const PAUSE_MS = 1000
/** Many due jobs go faster, so that their number does not grow without bound: the pause shrinks by this. */
const MOST_MS = 100_000

/** How long to wait after a batch: the due jobs go at a hundred a second, or within about 100 seconds if they are more. */
export function pauseMsAfter(due: number): number {
  if (due <= BATCH) return 0
  return Math.min(PAUSE_MS, (BATCH * MOST_MS) / due)
}
