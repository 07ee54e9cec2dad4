import { isPodCreate, type Write } from './audit-log.ts'

/** The operator's writes. Those that count are successful ones to RunnerJobs, Runners, pods and their subresources. */
export interface WriteAccount {
  perJob: number
  /** How many of each kind, as in "update runnerjobs/status". */
  byKind: Record<string, number>
  /** Counted writes that were put off until after the last pod create, and how long they took from then on. */
  afterLastPod: { writes: number; seconds: number }
  /** Counted writes other than creates that were made before the last pod create, when a create had to wait for them. */
  statusBeforeLastPod: number
  /** Events, leases and dry runs. */
  others: number
  /** Writes that the API server refused. */
  refused: number
}

const counted = /^(runnerjobs|runners|pods)(\/|$)/

export function accountOf(all: readonly Write[], namespace: string, jobs: number): WriteAccount {
  const own = all.filter(
    (write) => write.namespace === namespace && write.userAgent.startsWith('runnerhub-controller/'),
  )
  const done = own.filter(({ code }) => code < 300)
  const writes = done.filter(({ resource, dryRun }) => counted.test(resource) && !dryRun)
  const byKind: Record<string, number> = {}
  for (const { verb, resource } of writes) byKind[`${verb} ${resource}`] = (byKind[`${verb} ${resource}`] ?? 0) + 1
  const lastPodMs = latest(writes.filter(isPodCreate))
  const late = writes.filter(({ answeredMs }) => answeredMs > lastPodMs)
  return {
    perJob: writes.length / jobs,
    byKind,
    afterLastPod: { writes: late.length, seconds: late.length === 0 ? 0 : (latest(late) - lastPodMs) / 1000 },
    statusBeforeLastPod: writes.filter(({ verb, answeredMs }) => verb !== 'create' && answeredMs <= lastPodMs).length,
    others: done.length - writes.length,
    refused: own.length - done.length,
  }
}

function latest(writes: readonly Write[]): number {
  return writes.reduce((last, { answeredMs }) => Math.max(last, answeredMs), 0)
}
