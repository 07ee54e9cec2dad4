import type { RunnerJob } from '../../api/runner-job.ts'
import type { PoolMode, RunnerPool } from '../../api/runner-pool.ts'
import { matchesGlob } from '../glob.ts'
import { readinessOf } from './readiness.ts'

/** The pool for a job, or why there is none. */
export type PoolChoice = { pool: RunnerPool } | ({ pool: undefined } & NoPool)

/** Why a job has no pool. */
export interface NoPool {
  reason: 'NoMatchingPool' | 'PoolNotReady'
  message: string
}

/**
 * A pool fits when it is of the job's mode, offers every label that the job requests (as GitHub matches runs-on) and
 * allows its repository. Among several fitting pools the one with the most labels wins, then the first by name. A pool
 * whose pods admission refuses gets the job only if no other fits, and the job waits; a pool with an invalid template
 * never gets it.
 */
export function choosePool(job: RunnerJob, pools: Iterable<RunnerPool>): PoolChoice {
  const living = [...pools].filter(({ metadata }) => metadata.deletionTimestamp === undefined)
  const { poolName } = job.spec
  if (poolName !== undefined) {
    const pool = living.find(({ metadata }) => metadata.name === poolName)
    if (pool === undefined) return noMatch(`there is no RunnerPool ${poolName}`)
    if (!suitsMode(pool, job)) return noMatch(otherMode(job, [pool]))
    if (allows(pool, job.spec.repository)) return bestOf([pool])
    return noMatch(`RunnerPool ${poolName} does not allow repository ${job.spec.repository}`)
  }
  const offering = living.filter((pool) => offersAll(pool, job))
  const fitting = offering.filter((pool) => fits(pool, job))
  return fitting.length === 0 ? noMatch(refusal(job, offering, living)) : bestOf(fitting)
}

function noMatch(message: string): PoolChoice {
  return { pool: undefined, reason: 'NoMatchingPool', message }
}

/** The best of the pools that fit. */
function bestOf(fitting: readonly RunnerPool[]): PoolChoice {
  const byReadiness = Map.groupBy(fitting.toSorted(bySpecificity), (pool) => readinessOf(pool).is)
  const { unjudged = [], ready = [], refused = [] } = Object.fromEntries(byReadiness)
  const [pool = refused[0]] = [...ready, ...unjudged].sort(bySpecificity)
  return pool === undefined
    ? { pool, reason: 'PoolNotReady', message: faultOf(byReadiness.get('invalid') ?? []) }
    : { pool }
}

function faultOf(invalid: readonly RunnerPool[]): string {
  const faults = invalid.map((pool) => {
    const readiness = readinessOf(pool)
    return `RunnerPool ${pool.metadata.name} is not ready: ${'message' in readiness ? readiness.message : ''}`
  })
  return faults.join('; ')
}

/** Jobs with a message need a runner's Worker, which can run nothing else. */
export function modeOf({ spec }: RunnerJob): PoolMode {
  return spec.message === undefined ? 'Template' : 'Worker'
}

/** Whether a pool is of the job's mode. One that an older definition stored has none, and is a Template. */
export function suitsMode({ spec }: RunnerPool, job: RunnerJob): boolean {
  return (spec.mode === 'Worker') === (modeOf(job) === 'Worker')
}

function fits(pool: RunnerPool, job: RunnerJob): boolean {
  return suitsMode(pool, job) && allows(pool, job.spec.repository)
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
  return globs.length === 0 || globs.some((glob) => matchesGlob(glob.toLowerCase(), repository.toLowerCase()))
}

function bySpecificity(a: RunnerPool, b: RunnerPool): number {
  const more = (b.spec.labels?.length ?? 0) - (a.spec.labels?.length ?? 0)
  return more !== 0 ? more : a.metadata.name < b.metadata.name ? -1 : 1
}

/** Why no pool fits. It names only what concerns this job, so that changes of other pools do not change the message. */
function refusal(job: RunnerJob, offering: readonly RunnerPool[], living: readonly RunnerPool[]): string {
  if (offering.length > 0 && !offering.some((pool) => suitsMode(pool, job))) return otherMode(job, offering)
  if (offering.length > 0) return `no RunnerPool with its labels allows repository ${job.spec.repository}`
  const labels = job.spec.labels ?? []
  if (living.length === 0 && labels.length === 0) return 'there is no RunnerPool'
  const offered = new Set(living.flatMap(labelsOf))
  const missing = labels.filter((label) => !offered.has(label.toLowerCase()))
  if (missing.length === 0) return `no RunnerPool offers all of the labels ${quoted(labels)}`
  const which = `no RunnerPool offers the ${missing.length === 1 ? 'label' : 'labels'} ${quoted(missing)}`
  return missing.length === labels.length ? which : `${which}; the job requests ${quoted(labels)}`
}

function otherMode(job: RunnerJob, fitting: readonly RunnerPool[]): string {
  const mode = modeOf(job)
  const which = mode === 'Worker' ? 'a job with a message' : 'a job without a message'
  return `no RunnerPool of mode ${mode} fits, which ${which} needs (its labels fit ${namesOf(fitting)})`
}

/** Quotes each label, since labels may contain blanks and commas. */
function quoted(labels: readonly string[]): string {
  return labels.map((label) => JSON.stringify(label)).join(', ')
}

function namesOf(pools: readonly RunnerPool[]): string {
  return pools.map(({ metadata }) => metadata.name).join(', ')
}
