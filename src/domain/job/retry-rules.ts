import { poolRetry, type PoolRetry, type RetryCause } from '../../api/retry.ts'
import type { RunnerJobStatus } from '../../api/runner-job.ts'
import type { RunnerPool } from '../../api/runner-pool.ts'

/** What a pool says about further attempts. */
export interface RetryRules {
  poolName: string
  maxAttempts: number
  on: ReadonlySet<RetryCause>
  backoffSeconds: number
  windowSeconds: number
  perRepository: number
  perPool: number
}

/** Everything that decides about a further attempt of a job. */
export interface RetryView {
  rules: RetryRules
  /** At least 0 and less than 1. */
  random: number
  /** Further attempts within the window of the rules. Counting costs a little, so it is done only if needed. */
  spent: () => Spent
  /** The message of a handed-over job is still there. */
  hasMessage: boolean
}

/** How many further attempts there were. */
export interface Spent {
  ofRepository: number
  ofPool: number
}

const { maxAttempts, backoffSeconds, budget } = poolRetry.properties

/** The rules of a pool, with the defaults that the API server sets only inside of given objects. */
export function retryRulesOf({ metadata, spec }: RunnerPool): RetryRules {
  const given: Partial<PoolRetry> = spec.retry ?? {}
  const { windowSeconds, perRepository, perPool } = budget.properties
  return {
    poolName: metadata.name,
    maxAttempts: given.maxAttempts ?? maxAttempts.default,
    on: new Set(given.reasons ?? []),
    backoffSeconds: given.backoffSeconds ?? backoffSeconds.default,
    windowSeconds: given.budget?.windowSeconds ?? windowSeconds.default,
    perRepository: given.budget?.perRepository ?? perRepository.default,
    perPool: given.budget?.perPool ?? perPool.default,
  }
}

/** Counts the further attempts that jobs of a pool, and those of one repository among them, had since a moment. */
export function spentSince(
  jobs: Iterable<{ spec: { repository: string }; status: Pick<RunnerJobStatus, 'attempts'> }>,
  { poolName, repository, since }: { poolName: string; repository: string; since: Date },
): Spent {
  const spent = { ofRepository: 0, ofPool: 0 }
  for (const { spec, status } of jobs) {
    const isOfRepository = spec.repository.toLowerCase() === repository.toLowerCase()
    for (const attempt of status.attempts ?? []) {
      if (attempt.poolName !== poolName || Date.parse(attempt.endedAt) < since.getTime()) continue
      spent.ofPool += 1
      spent.ofRepository += Number(isOfRepository)
    }
  }
  return spent
}

const LONGEST_BACKOFF_MS = 600_000

/** The pause before an attempt: it doubles each time, and up to half of it is added at random. */
export function backoffMs(
  { backoffSeconds: first }: Pick<RetryRules, 'backoffSeconds'>,
  attempt: number,
  random: number,
): number {
  const pauseMs = Math.min(LONGEST_BACKOFF_MS, first * 1000 * 2 ** Math.max(0, attempt - 2))
  return Math.round(pauseMs * (1 + random / 2))
}
