import type { IncomingHttpHeaders } from 'node:http'

/** How many proxies behind one address share its calls, and the part of these that waiting may use. */
const SHARED_BY = 20
const OUR_PART = 1 / 3

/** Least and longest time between two calls that only ask how a job is doing. */
const pauses = { leastMs: 1000, longestMs: 15 * 60_000 }

/**
 * How long to wait before asking once more, given what the last answer said of the rate limit: so long that all proxies
 * of one address together leave more than half of the calls to others.
 */
export function pauseMs(headers: IncomingHttpHeaders, nowMs: number): number {
  const remaining = Number(headers['x-ratelimit-remaining'] ?? Number.NaN)
  const resetMs = Number(headers['x-ratelimit-reset'] ?? Number.NaN) * 1000 - nowMs
  if (!Number.isFinite(remaining) || !Number.isFinite(resetMs)) return pauses.leastMs
  const leftMs = Math.max(0, resetMs)
  const mine = (remaining * OUR_PART) / SHARED_BY
  return Math.min(pauses.longestMs, Math.max(pauses.leastMs, mine > 0 ? leftMs / mine : leftMs))
}
