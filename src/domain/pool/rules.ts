import { repositoryKey } from '../../api/names.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import { DEFAULT_AGING_SECONDS, type PriorityRule, type RunnerPool } from '../../api/runner-pool.ts'
import { Lru } from '../../collections/lru.ts'
import { matchesGlob } from '../glob.ts'
import type { QueueRules } from './queue.ts'
import { virtualTimeOf } from './share-history.ts'

/** Most repositories whose weight is remembered, so that a pool's globs are not tried at each step. */
const MOST_KNOWN = 1000

/** The rules of a pool's queue; the defaults for a pool that does not exist. */
export function rulesOf(pool: RunnerPool | undefined): QueueRules {
  const { perRepository, priorityAgingSeconds = DEFAULT_AGING_SECONDS } = pool?.spec ?? {}
  const weights = perRepository?.weights ?? []
  const known = new Lru<string, number>(MOST_KNOWN)
  return {
    agingMs: priorityAgingSeconds * 1000,
    timeOf: (repository) => {
      const remembered = known.get(repository)
      if (remembered !== undefined) return remembered
      const entry = weights.find((each) => matchesGlob(repositoryKey(each.repository), repository))
      const time = virtualTimeOf(entry?.weight ?? 1)
      known.set(repository, time)
      return time
    },
  }
}

/** The priority of a job in a pool: its own, else that of the first rule of the pool that fits, else 0. */
export function priorityOf({ spec }: RunnerJob, pool: RunnerPool): number {
  return spec.priority ?? pool.spec.priorities?.find((rule) => fits(rule, spec))?.priority ?? 0
}

function fits(rule: PriorityRule, spec: RunnerJob['spec']): boolean {
  const { repository, event = '*', ref = '*', workflow = '*' } = rule
  return (
    (repository === undefined || matchesGlob(repositoryKey(repository), repositoryKey(spec.repository))) &&
    matchesGlob(event, spec.eventName ?? '') &&
    matchesGlob(ref, spec.ref ?? '') &&
    matchesGlob(workflow, spec.workflow ?? '')
  )
}
