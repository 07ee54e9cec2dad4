import type { Requested } from '../../api/runner-job.ts'
import type { PodFacts } from '../pod/state.ts'

const MEBIBYTE = 2 ** 20

/** Nothing was reserved for the job. */
export const nothingRequested: Requested = { cpuMillicoreSeconds: 0, memoryMebibyteSeconds: 0 }

/**
 * What was reserved for a job, after one more attempt: the requests of its pod, for as long as it held its node. That
 * ends with the attempt; the seconds in which sidecars stop afterwards do not count. Undefined if no pod is known to have
 * held a node.
 */
export function requestedAfter(
  before: Requested | undefined,
  pod: PodFacts | undefined,
  endedAt: string,
): Requested | undefined {
  const { boundAt, requests } = pod ?? {}
  if (boundAt === undefined || requests === undefined) return before
  const heldMs = Math.max(0, Date.parse(endedAt) - Date.parse(boundAt))
  const share: Requested = {
    cpuMillicoreSeconds: Math.round((requests.cpuMillicores * heldMs) / 1000),
    memoryMebibyteSeconds: Math.round((requests.memoryBytes / MEBIBYTE) * (heldMs / 1000)),
  }
  return sumOf(before ?? nothingRequested, share)
}

/** Both together. */
export function sumOf(a: Requested, b: Requested): Requested {
  return combined(a, b, (x, y) => x + y)
}

/** The first without the second. */
export function differenceOf(a: Requested, b: Requested): Requested {
  return combined(a, b, (x, y) => x - y)
}

/** The maximum of each number. */
export function highestOf(a: Requested, b: Requested): Requested {
  return combined(a, b, Math.max)
}

function combined(a: Requested, b: Requested, of: (x: number, y: number) => number): Requested {
  return {
    cpuMillicoreSeconds: of(a.cpuMillicoreSeconds, b.cpuMillicoreSeconds),
    memoryMebibyteSeconds: of(a.memoryMebibyteSeconds, b.memoryMebibyteSeconds),
  }
}
