import type { FairShare, Next, Waiting } from './fair-share.ts'
import type { Ticket } from './waiting-line.ts'

/** The jobs of one priority that may go next. */
interface Candidate {
  priority: number
  /** The oldest of them; undefined if there are none. */
  oldest: Pick<Ticket, 'delegatedMs'> | undefined
}

/** Whether a priority goes before another: by the age of its oldest job, moved ahead by the priority. */
function isAhead({ priority, oldest }: Candidate, other: Candidate | undefined, agingMs: number): boolean {
  if (oldest === undefined) return false
  if (other?.oldest === undefined) return true
  const lead = (priority - other.priority) * agingMs - (oldest.delegatedMs - other.oldest.delegatedMs)
  return lead === 0 ? priority > other.priority : lead > 0
}

function mostAhead<C extends Candidate>(candidates: readonly C[], agingMs: number): C | undefined {
  let best: C | undefined
  for (const each of candidates) if (isAhead(each, best, agingMs)) best = each
  return best
}

type Shares = Iterable<readonly [priority: number, share: FairShare]>

/**
 * The next job of all priorities: the first one of the highest priority in its fair order. A job of a lower priority goes
 * before that if it has waited for so long that it has made up for the difference: the oldest one, and no younger one.
 */
export function nextOf(shares: Shares, agingMs: number): (Next & { priority: number }) | undefined {
  const candidates = [...shares].flatMap(([priority, share]) => {
    const { oldest } = share
    return oldest === undefined ? [] : [{ priority, share, oldest }]
  })
  const best = mostAhead(candidates, agingMs)
  if (best === undefined) return undefined
  const { priority, share, oldest } = best
  const isHighest = candidates.every((each) => each.priority <= priority)
  return { ...(isHighest ? (share.first ?? oldest) : oldest), priority }
}

/** A priority whose oldest jobs may go before those of a higher one. */
interface Lower {
  priority: number
  share: FairShare
  byAge: readonly Waiting[]
  gone: number
}

/** The keys of all jobs as they go one by one, if no repository is held back: a pass over all of them. */
export function wholeOrder(shares: Shares, agingMs: number): string[] {
  const [highest, ...rest] = [...shares].toSorted(([a], [b]) => b - a)
  if (highest === undefined) return []
  const keys: string[] = []
  const lower = rest.map(([priority, share]) => ({ priority, share, byAge: share.byAge(), gone: 0 }))
  const emptied = { priority: highest[0], share: highest[1], byAge: [], gone: 0 }
  for (let top: Lower | undefined = emptied; top !== undefined; top = lower.shift()) {
    const { priority } = top
    const jobs = top.share.ordered(top.byAge.slice(0, top.gone))
    const oldest = oldestFrom(jobs)
    for (const [place, { key }] of jobs.entries()) {
      const own = { priority, oldest: oldest[place] }
      for (let next = passing(lower, own, agingMs); next !== undefined; next = passing(lower, own, agingMs))
        keys.push(next.key)
      keys.push(key)
    }
  }
  return keys
}

/** Takes the job that goes before the jobs of a higher priority, if there is one. */
function passing(lower: Lower[], higher: Candidate, agingMs: number): Waiting | undefined {
  const best = mostAhead(
    lower.map((each) => ({ priority: each.priority, oldest: each.byAge[each.gone], each })),
    agingMs,
  )
  if (best === undefined || !isAhead(best, higher, agingMs)) return undefined
  best.each.gone += 1
  return best.oldest
}

/** The oldest of the jobs from each place on. */
function oldestFrom(jobs: readonly Ticket[]): Ticket[] {
  const oldest = [...jobs]
  for (let index = jobs.length - 2; index >= 0; index -= 1) {
    const [own, next] = [oldest[index], oldest[index + 1]]
    if (own !== undefined && next !== undefined && next.delegatedMs < own.delegatedMs) oldest[index] = next
  }
  return oldest
}
