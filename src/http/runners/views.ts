import { publicId } from '../../api/job-state.ts'
import { keyOf } from '../../api/object.ts'
import type { Runner, RunnerPhase } from '../../api/runner.ts'
import { type Caches, jobOf, podOf } from '../../cluster/caches.ts'
import { leaseOf } from '../../cluster/proxies.ts'
import { isFinished } from '../../domain/job/phases.ts'
import { podState } from '../../domain/pod/state.ts'
import { type Presence, presenceOf, shownProxyPhase } from '../../domain/proxy/presence.ts'
import { shownRunnerPhase } from '../../domain/runner/plan.ts'
import type { Clock } from '../../kube/runtime/clock.ts'
import { iso } from '../jobs/views.ts'

type SpecType = Runner['spec']['type']

/** Type and phase of a Runner as REST shows them. */
export type RunnerType = Lowercase<SpecType>
export type RunnerState = Lowercase<RunnerPhase>

const byType: Readonly<Record<SpecType, RunnerType>> = {
  Proxy: 'proxy',
  Ephemeral: 'ephemeral',
  Dedicated: 'dedicated',
}

const byPhase: Readonly<Record<RunnerPhase, RunnerState>> = {
  Idle: 'idle',
  Busy: 'busy',
  Offline: 'offline',
  Starting: 'starting',
  Stopping: 'stopping',
}

export const runnerTypes: readonly RunnerType[] = Object.values(byType)
export const runnerStates: readonly RunnerState[] = Object.values(byPhase)

export function typeOf(runner: Runner): RunnerType {
  return byType[runner.spec.type]
}

function runnerStateOfPhase(phase: RunnerPhase): RunnerState {
  return byPhase[phase]
}

/** Dependencies of the views of Runners. */
export interface RunnerViewDeps {
  caches: Caches
  clock: Clock
  heartbeatMs: number
}

/** When a proxy runner last sent a heartbeat, and when it becomes offline; undefined for other types of runner. */
export function presence({ caches, heartbeatMs }: RunnerViewDeps, runner: Runner): Presence | undefined {
  return runner.spec.type === 'Proxy' ? presenceOf(runner, leaseOf(caches, runner)?.spec, heartbeatMs) : undefined
}

/** The state of a Runner as REST shows it. */
export function runnerStateOf(deps: RunnerViewDeps, runner: Runner): RunnerState {
  return runnerStateOfPhase(phaseOf(deps, runner))
}

function phaseOf(deps: RunnerViewDeps, runner: Runner): RunnerPhase {
  const seen = presence(deps, runner)
  if (seen !== undefined) {
    return shownProxyPhase(seen, deps.caches.proxyJobs.isDelegating(keyOf(runner)), deps.clock.now().getTime())
  }
  return runner.spec.type === 'Ephemeral' ? shownRunnerPhase(runner, jobOf(deps.caches, runner)) : runner.status.phase
}

/** A Runner as the list shows it. Every documented key is present; unknown values are null. */
export function runnerRow(deps: RunnerViewDeps, runner: Runner): Record<string, unknown> {
  const { metadata, spec } = runner
  const seen = presence(deps, runner)
  const state = runnerStateOf(deps, runner)
  const { reason, message } = why(deps, runner, state)
  return {
    id: metadata.uid,
    name: spec.displayName ?? metadata.name,
    type: typeOf(runner),
    status: state,
    labels: spec.labels ?? [],
    lastHeartbeat: seen === undefined ? lastRun(deps, runner) : new Date(seen.heardMs).toISOString(),
    repository: spec.repository ?? null,
    pool: spec.poolName ?? null,
    jobId: spec.jobRef === undefined ? null : publicId({ metadata: spec.jobRef }),
    reason: reason ?? null,
    message: message ?? null,
    createdAt: iso(metadata.creationTimestamp),
  }
}

/** When the pod of an ephemeral Runner was last known to run its job; null if never. It is derived, not stored. */
function lastRun({ caches, clock }: RunnerViewDeps, runner: Runner): string | null {
  const job = runner.spec.type === 'Ephemeral' ? jobOf(caches, runner) : undefined
  const pod = podState(job && podOf(caches, job))
  switch (pod.is) {
    case 'running':
    case 'ending': {
      // The pod counts as running until the last contact of the watch.
      const contactMs = caches.podReflector?.lastContactMs()
      if (pod.facts.startedAt === undefined || contactMs === undefined) return iso(pod.facts.startedAt)
      const agoMs = clock.monotonicMs() - contactMs
      const lastMs = Math.max(Date.parse(pod.facts.startedAt), clock.now().getTime() - agoMs)
      return new Date(lastMs).toISOString()
    }
    case 'exited':
      return iso(pod.exit.finishedAt)
    case 'absent':
    case 'waiting':
    case 'lost':
      return null
    default:
      return pod satisfies never
  }
}

/** Reason and message of a Runner's state. */
function why(deps: RunnerViewDeps, runner: Runner, state: RunnerState): { reason?: string; message?: string } {
  const { spec, status } = runner
  // The stored status of a proxy runner lags behind its Lease and jobs.
  if (spec.type === 'Proxy') return state === 'offline' ? status : {}
  // An ephemeral Runner outlives its job for a while, without updates of its own status.
  const job = spec.type === 'Ephemeral' ? jobOf(deps.caches, runner) : undefined
  return job !== undefined && isFinished(job) ? job.status : status
}
