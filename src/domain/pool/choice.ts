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
    if (allows(pool, job.spec.repository)) return { pool }
    return { pool: undefined, message: `RunnerPool ${poolName} does not allow repository ${job.spec.repository}` }
  }
  const offering = living.filter((pool) => offersAll(pool, job))
  const fitting = offering.filter((pool) => allows(pool, job.spec.repository))
  const [pool] = fitting.sort(bySpecificity)
  return pool === undefined ? { pool, message: refusal(job, offering, living) } : { pool }
}

function offersAll(pool: RunnerPool, job: RunnerJob): boolean {
  const offered = new Set(labelsOf(pool))
  return (job.spec.labels ?? []).every((label) => offered.has(label.toLowerCase()))
}

/** GitHub ignores the case of labels. */
function labelsOf(pool: RunnerPool): string[] {
  return (pool.spec.labels ?? []).map((label) => label.toLowerCase())
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

/** Says only what decides about this job, so that a change of other pools changes no word of it. */
function refusal(job: RunnerJob, offering: readonly RunnerPool[], living: readonly RunnerPool[]): string {
  if (offering.length > 0) return `no RunnerPool with its labels allows repository ${job.spec.repository}`
  const labels = job.spec.labels ?? []
  if (living.length === 0 && labels.length === 0) return 'there is no RunnerPool'
  const offered = new Set(living.flatMap(labelsOf))
  const missing = labels.filter((label) => !offered.has(label.toLowerCase()))
  if (missing.length === 0) return `no RunnerPool offers all of the labels ${quoted(labels)}`
  const which = `no RunnerPool offers the ${missing.length === 1 ? 'label' : 'labels'} ${quoted(missing)}`
  return missing.length === labels.length ? which : `${which}; the job asks for ${quoted(labels)}`
}

/** With blanks or commas in a label it is still clear where it ends. */
function quoted(labels: readonly string[]): string {
  return labels.map((label) => JSON.stringify(label)).join(', ')
}
