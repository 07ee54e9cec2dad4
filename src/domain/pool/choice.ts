import type { RunnerJob } from '../../api/runner-job.ts'
import type { RunnerPool } from '../../api/runner-pool.ts'

/** The pool for a job, or why there is none. */
export type PoolChoice = { pool: RunnerPool } | { pool: undefined; message: string }

/**
 * A pool fits when it offers every label that the job asks for (as GitHub matches runs-on) and allows its repository.
 * Of several the one with the most labels wins, then the first by name.
 */
export function choosePool(job: RunnerJob, pools: Iterable<RunnerPool>): PoolChoice {
  const living = [...pools].filter(({ metadata }) => metadata.deletionTimestamp === undefined)
  const { poolName } = job.spec
  if (poolName !== undefined) {
    const pool = living.find(({ metadata }) => metadata.name === poolName)
    if (pool === undefined) return { pool, message: `there is no RunnerPool ${poolName}` }
    return allows(pool, job.spec.repository) ? { pool } : { pool: undefined, message: refusal(job, [pool]) }
  }
  const offering = living.filter((pool) => offersAll(pool, job))
  const fitting = offering.filter((pool) => allows(pool, job.spec.repository))
  const [pool] = fitting.sort(bySpecificity)
  return pool === undefined ? { pool, message: refusal(job, offering) } : { pool }
}

function offersAll(pool: RunnerPool, job: RunnerJob): boolean {
  const offered = new Set((pool.spec.labels ?? []).map((label) => label.toLowerCase()))
  return (job.spec.labels ?? []).every((label) => offered.has(label.toLowerCase()))
}

function allows(pool: RunnerPool, repository: string): boolean {
  const globs = pool.spec.repositories ?? []
  return globs.length === 0 || globs.some((glob) => matches(glob.toLowerCase(), repository.toLowerCase()))
}

/** Glob match in linear time: the pieces between stars are looked for from left to right. */
function matches(glob: string, text: string): boolean {
  const [head = '', ...rest] = glob.split('*')
  if (!text.startsWith(head)) return false
  const tail = rest.pop()
  if (tail === undefined) return text === head
  let at = head.length
  for (const piece of rest) {
    const found = text.indexOf(piece, at)
    if (found < 0) return false
    at = found + piece.length
  }
  return text.length - tail.length >= at && text.endsWith(tail)
}

function bySpecificity(a: RunnerPool, b: RunnerPool): number {
  const more = (b.spec.labels?.length ?? 0) - (a.spec.labels?.length ?? 0)
  return more !== 0 ? more : a.metadata.name < b.metadata.name ? -1 : 1
}

function refusal(job: RunnerJob, offering: readonly RunnerPool[]): string {
  if (offering.length > 0) {
    const names = offering.map(({ metadata }) => metadata.name).join(', ')
    return `no RunnerPool allows repository ${job.spec.repository} (its labels fit ${names})`
  }
  return `no RunnerPool offers the labels [${(job.spec.labels ?? []).join(', ')}]`
}
