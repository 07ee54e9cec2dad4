/** Least and longest time between two calls that only bring a view up to date. */
const pauses = { leastMs: 5000, longestMs: 10 * 60_000 }

/**
 * How long to wait before such a call, given what the last response said of the rate limit: the page leaves three quarters
 * of the calls of its address to others.
 */
export function pauseMs(headers: Pick<Headers, 'get'>, nowMs: number): number {
  const remaining = Number(headers.get('x-ratelimit-remaining') ?? Number.NaN)
  const leftMs = Number(headers.get('x-ratelimit-reset') ?? Number.NaN) * 1000 - nowMs
  if (!Number.isFinite(remaining) || !Number.isFinite(leftMs)) return pauses.leastMs
  const mine = remaining / 4
  const pause = mine < 1 ? leftMs : leftMs / mine
  return Math.min(pauses.longestMs, Math.max(pauses.leastMs, pause))
}
