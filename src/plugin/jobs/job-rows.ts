import type { RunnerJob } from '../../api/runner-job.ts'
import { delegatedAt } from '../../domain/job/status.ts'
import { spanBetween } from '../text/span.ts'

const columns = ['NAME', 'REPOSITORY', 'WORKFLOW', 'PHASE', 'REASON', 'AGE', 'RAN']
const wideColumns = [...columns, 'LABELS', 'POD', 'NODE', 'EXIT', 'MESSAGE']

/** What a table of jobs shows of each one. */
export interface JobRow {
  delegatedAt: string
  cells: (now: string) => string[]
}

/** The headings of a table of jobs. */
export function jobColumns({ isWide, allNamespaces }: JobTable): string[] {
  return [...(allNamespaces ? ['NAMESPACE'] : []), ...(isWide ? wideColumns : columns)]
}

export interface JobTable {
  isWide: boolean
  allNamespaces: boolean
}

/** One job as a row, which keeps nothing else of it. */
export function jobRow(job: RunnerJob, { isWide, allNamespaces }: JobTable): JobRow {
  const { metadata, spec, status } = job
  const {
    phase,
    reason = '',
    startedAt,
    completedAt,
    podName = '',
    nodeName = '',
    exitCode = '',
    message = '',
  } = status
  const { repository, workflow = '', labels = [] } = spec
  const place = allNamespaces ? [metadata.namespace ?? ''] : []
  const head = [...place, metadata.name, repository, workflow, phase, reason]
  const tail = isWide ? [labels.join(','), podName, nodeName, String(exitCode), message] : []
  const since = delegatedAt(job)
  return {
    delegatedAt: since,
    cells: (now) => [...head, spanBetween(since, now), spanBetween(startedAt, completedAt ?? now), ...tail],
  }
}

/** Newest first. */
export function byAge(a: JobRow, b: JobRow): number {
  return Date.parse(b.delegatedAt) - Date.parse(a.delegatedAt)
}
