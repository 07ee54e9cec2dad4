import { type Column, inColumns, isOfControllers } from '../../observe/audit.ts'
import { isPodCreate, type Write } from './audit-log.ts'

/** The operator's successful writes, and the number of its failed ones. */
export interface WriteAccount {
  perJob: number
  /** Counts by kind, such as "update runnerjobs/status". */
  byKind: Record<string, number>
  /** Counted writes after the last pod create, and their duration from then on. */
  afterLastPod: { writes: number; seconds: number }
  /** Counted writes other than creates that were made before the last pod create, when a create had to wait for them. */
  statusBeforeLastPod: number
  /** Counts in each of the other columns. */
  others: Record<Exclude<Column, 'counted'>, number>
  /** Writes that the API server refused. */
  refused: number
}

export function accountOf(all: readonly Write[], namespace: string, jobs: number): WriteAccount {
  const own = all.filter((write) => write.namespace === namespace && isOfControllers(write))
  const done = own.filter(({ code }) => code < 300)
  const { counted: writes, events, leases, reviews, dryRuns, deletes, pools, other } = inColumns(done)
  const byKind: Record<string, number> = {}
  for (const write of writes) byKind[kindOf(write)] = (byKind[kindOf(write)] ?? 0) + 1
  const lastPodMs = latest(writes.filter(isPodCreate))
  const late = writes.filter(({ answeredMs }) => answeredMs > lastPodMs)
  return {
    perJob: writes.length / jobs,
    byKind,
    afterLastPod: { writes: late.length, seconds: late.length === 0 ? 0 : (latest(late) - lastPodMs) / 1000 },
    statusBeforeLastPod: writes.filter(({ verb, answeredMs }) => verb !== 'create' && answeredMs <= lastPodMs).length,
    others: {
      events: events.length,
      leases: leases.length,
      reviews: reviews.length,
      dryRuns: dryRuns.length,
      deletes: deletes.length,
      pools: pools.length,
      other: other.length,
    },
    refused: own.length - done.length,
  }
}

function kindOf({ verb, resource, subresource }: Write): string {
  return subresource === '' ? `${verb} ${resource}` : `${verb} ${resource}/${subresource}`
}

function latest(writes: readonly Write[]): number {
  return writes.reduce((last, { answeredMs }) => Math.max(last, answeredMs), 0)
}
