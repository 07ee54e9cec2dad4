import { JOB_UID_LABEL, POOL_LABEL, RUNNER_LABEL } from '../../api/names.ts'
import type { Pod } from '../../api/pod.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import type { RunnerPool } from '../../api/runner-pool.ts'
import type { Runner } from '../../api/runner.ts'
import { delegatedAt } from '../../domain/job/status.ts'
import { podState } from '../../domain/pod/state.ts'
import { choosePool } from '../../domain/pool/choice.ts'
import { readinessOf } from '../../domain/pool/readiness.ts'
import { isPast } from '../../domain/runner/plan.ts'
import { occupiesSlot } from '../../domain/pool/slots.ts'

/** What the plugin knows of a namespace. Finished jobs are missing. */
export interface Stock {
  pools: readonly RunnerPool[]
  jobs: readonly RunnerJob[]
  runners: readonly Runner[]
  pods: readonly Pod[]
}

/** A pool, and the jobs that use it or wait for it. */
export interface PoolLoad {
  /** Undefined: jobs that no pool takes. */
  pool: string | undefined
  mode: string
  ready: string
  isPaused: boolean
  labels: readonly string[]
  /** The repositories that it allows; all, if there are none. */
  repositories: readonly string[]
  used: number
  max: number
  running: number
  starting: number
  queued: number
  /** Since when its oldest job waits. */
  oldest?: string
}

/** The load of each pool, by name, and last that of jobs without a pool, if there are any. */
export function poolLoads({ pools, jobs, runners, pods }: Stock): PoolLoad[] {
  const places = placesOf({ jobs, runners, pods })
  const loads = pools.map((pool) => emptyLoad(pool))
  const nowhere = { pool: undefined, mode: '', ready: '', isPaused: false, labels: [], repositories: [], max: 0 }
  const homeless: PoolLoad = { ...noLoad, ...nowhere }
  const byName = new Map(loads.map((load) => [load.pool, load]))
  for (const { pool } of places.filter(({ isUsed }) => isUsed)) count(byName.get(pool), 'used')
  const current = places.filter((place) => !place.isPast)
  const poolOfJob = new Map(current.map(({ jobUid, pool }) => [jobUid, pool]))
  for (const job of jobs) {
    const assigned = poolOfJob.get(job.metadata.uid)
    if (assigned === undefined && job.status.phase === 'Queued') {
      const { pool } = choosePool(job, pools)
      wait(byName.get(pool?.metadata.name) ?? homeless, delegatedAt(job))
    } else count(byName.get(assigned), job.status.phase === 'Running' ? 'running' : 'starting')
  }
  const sorted = loads.sort((a, b) => (a.pool ?? '').localeCompare(b.pool ?? ''))
  return homeless.queued > 0 ? [...sorted, homeless] : sorted
}

const noLoad = { used: 0, running: 0, starting: 0, queued: 0 }

function emptyLoad(pool: RunnerPool): PoolLoad {
  const { metadata, spec } = pool
  const { mode, maxRunners: max, paused: isPaused = false, labels = [], repositories = [] } = spec
  const head = { pool: metadata.name, mode, ready: readinessOf(pool).is, isPaused, labels, repositories }
  return { ...noLoad, ...head, max }
}

function count(load: PoolLoad | undefined, what: 'used' | 'running' | 'starting'): void {
  if (load !== undefined) load[what] += 1
}

function wait(load: PoolLoad, since: string): void {
  load.queued += 1
  if (load.oldest === undefined || Date.parse(since) < Date.parse(load.oldest)) load.oldest = since
}

interface Place {
  jobUid: string
  pool: string
  isUsed: boolean
  /** Of an earlier attempt of its job. */
  isPast: boolean
}

/** Every Runner and every pod of a job, once, with whether it occupies a slot. */
function placesOf({ jobs, runners, pods }: Omit<Stock, 'pools'>): Place[] {
  const jobByUid = new Map(jobs.map((job) => [job.metadata.uid, job]))
  // A job may have a Runner and a pod for each attempt.
  const podByRunner = new Map(pods.map((pod) => [pod.metadata.labels?.[RUNNER_LABEL] ?? '', pod]))
  const places = runners.flatMap((runner): Place[] => {
    const { jobRef, poolName } = runner.spec
    if (jobRef === undefined || poolName === undefined) return []
    const pod = podByRunner.get(runner.metadata.name)
    podByRunner.delete(runner.metadata.name)
    const job = jobByUid.get(jobRef.uid)
    const isUsed = occupiesSlot(runner, job, podState(pod))
    return [{ jobUid: jobRef.uid, pool: poolName, isUsed, isPast: job !== undefined && isPast(runner.spec, job) }]
  })
  const ownerless = [...podByRunner.values()].map((pod): Place => {
    const { [JOB_UID_LABEL]: jobUid = '', [POOL_LABEL]: pool = '' } = pod.metadata.labels ?? {}
    return { jobUid, pool, isUsed: occupiesSlot(undefined, undefined, podState(pod)), isPast: true }
  })
  return [...places, ...ownerless]
}
