/**
 * The queue position to have in the status: the first one, and later only one that has passed the next lower power of
 * two. So a job that waits behind a thousand others costs ten writes at most, and one that falls behind costs none.
 */
export function writtenPosition(written: number | undefined, position: number): number {
  return written === undefined || position <= milestoneBelow(written) ? position : written
}

function milestoneBelow(position: number): number {
  return 2 ** (Math.ceil(Math.log2(position)) - 1)
}
