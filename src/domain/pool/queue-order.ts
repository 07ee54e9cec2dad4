import type { Ticket } from './waiting-line.ts'

/** The jobs of one priority that may go next. */
export interface Candidate {
  priority: number
  /** When the oldest of them was delegated; undefined if there are none. */
  oldestMs: number | undefined
}

/** Whether a priority goes before another: by the age of its oldest job, moved ahead by the priority. */
export function isAhead(candidate: Candidate, other: Candidate | undefined, agingMs: number): boolean {
  if (candidate.oldestMs === undefined) return false
  if (other?.oldestMs === undefined) return true
  const lead = (candidate.priority - other.priority) * agingMs - (candidate.oldestMs - other.oldestMs)
  return lead === 0 ? candidate.priority > other.priority : lead > 0
}

/** The jobs of one priority in their order, of which some are taken. */
interface Ordered {
  priority: number
  jobs: readonly Ticket[]
  /** When the oldest of the jobs from each place on was delegated. */
  oldest: readonly number[]
  taken: number
}

/** The keys of the jobs of all priorities, each in its own order, as they go one by one. */
export function mergedOrder(parts: readonly Pick<Ordered, 'priority' | 'jobs'>[], agingMs: number): string[] {
  const shares = parts.map(untaken)
  const keys: string[] = []
  for (let best = bestOf(shares, agingMs); best !== undefined; best = bestOf(shares, agingMs)) {
    const ticket = best.jobs[best.taken]
    if (ticket !== undefined) keys.push(ticket.key)
    best.taken += 1
  }
  return keys
}

function untaken({ priority, jobs }: Pick<Ordered, 'priority' | 'jobs'>): Ordered {
  const oldest = jobs.map(({ delegatedMs }) => delegatedMs)
  for (let index = jobs.length - 2; index >= 0; index -= 1)
    oldest[index] = Math.min(oldest[index] ?? 0, oldest[index + 1] ?? 0)
  return { priority, jobs, oldest, taken: 0 }
}

function bestOf(shares: readonly Ordered[], agingMs: number): Ordered | undefined {
  let best: Ordered | undefined
  for (const each of shares) if (isAhead(candidateOf(each), best && candidateOf(best), agingMs)) best = each
  return best
}

function candidateOf({ priority, oldest, taken }: Ordered): Candidate {
  return { priority, oldestMs: oldest[taken] }
}
