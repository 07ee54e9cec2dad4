import type { Runner } from '../api/runner.ts'
import { type Caches, jobOf } from '../cluster/caches.ts'
import { shownRunnerPhase } from '../domain/runner-phases.ts'
import { type RunnerState, runnerStateOfPhase, typeOf } from './runner-states.ts'
import { iso, publicId } from './views.ts'

/** The state to show of a Runner. */
export function runnerStateOf(caches: Caches, runner: Runner): RunnerState {
  return runnerStateOfPhase(shownRunnerPhase(runner, jobOf(caches, runner)))
}

/** A Runner as the list shows it. Every documented key is present; null where there is nothing to say. */
export function runnerRow(caches: Caches, runner: Runner): Record<string, unknown> {
  const { metadata, spec, status } = runner
  return {
    id: metadata.uid,
    name: metadata.name,
    type: typeOf(runner),
    status: runnerStateOf(caches, runner),
    labels: spec.labels ?? [],
    lastHeartbeat: null,
    repository: spec.repository,
    pool: spec.poolName,
    jobId: publicId({ metadata: spec.jobRef }),
    reason: status.reason ?? null,
    message: status.message ?? null,
    createdAt: iso(metadata.creationTimestamp),
  }
}
