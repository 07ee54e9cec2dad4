import { markOf } from './handed-on.ts'

/** Bytes in which the timestamp of a line is. */
export const LONGEST_STAMP = 64

/** How much of a log is looked at, and the least that is judged: of less nothing is said. */
export const BEGINNING_BYTES = 256 * 1024

/** What a kubelet lets a log grow to, by default, before it begins another file. */
const ROTATED_AT_BYTES = 10 * 1024 * 1024

/** The pace of a container varies: half of what would have filled a file counts. */
const ENOUGH_BYTES = ROTATED_AT_BYTES / 2

/** Of what is written faster nobody knows whether it goes on like this: programs write what they have at once. */
const SHORTEST_SECONDS = 0.25

/**
 * Whether the kubelet may have rotated away what came before the beginning of a log, of which it says nothing: the
 * first line came so late that a container that wrote all the time as it does here would have filled a file. It is a
 * guess. A container that was silent and then writes much at once is taken for one whose log was rotated; one that
 * wrote much and then little is not.
 */
export function mayLackBeginning(beginning: Buffer, startedAt: string | undefined): boolean {
  if (startedAt === undefined || beginning.length < BEGINNING_BYTES) return false
  // The last of which at least the timestamp is there.
  const lastLine = beginning.subarray(beginning.lastIndexOf('\n', -LONGEST_STAMP) + 1)
  const [first, last] = [beginning, lastLine].map(markOf)
  // Of one line nobody knows the pace.
  if (first === undefined || last === undefined || lastLine.length === beginning.length) return false
  // The kubelet writes whole seconds, so it may have started almost a second later.
  const before = Number(first.moment) - (Date.parse(startedAt) / 1000 + 1)
  const bytesPerSecond = beginning.length / Math.max(Number(last.moment) - Number(first.moment), SHORTEST_SECONDS)
  return before > 0 && before * bytesPerSecond >= ENOUGH_BYTES
}
