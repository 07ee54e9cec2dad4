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

/** What Runners are judged by. */
export interface RunnerViewParts {
  caches: Caches
  clock: Clock
  heartbeatMs: number
}

/** When a proxy runner was heard of, and from when on it is offline; undefined for runners of other types. */
export function presence({ caches, heartbeatMs }: RunnerViewParts, runner: Runner): Presence | undefined {
  return runner.spec.type === 'Proxy' ? presenceOf(runner, leaseOf(caches, runner)?.spec, heartbeatMs) : undefined
}

/** The state to show of a Runner. */
export function runnerStateOf(deps: RunnerViewParts, runner: Runner): RunnerState {
  return runnerStateOfPhase(phaseOf(deps, runner))
}

function phaseOf(deps: RunnerViewParts, runner: Runner): RunnerPhase {
  const heard = presence(deps, runner)
  if (heard !== undefined) {
    return shownProxyPhase(heard, deps.caches.proxyJobs.isDelegating(keyOf(runner)), deps.clock.now().getTime())
  }
  return runner.spec.type === 'Ephemeral' ? shownRunnerPhase(runner, jobOf(deps.caches, runner)) : runner.status.phase
}

/** A Runner as the list shows it. Every documented key is present; null where there is nothing to say. */
export function runnerRow(deps: RunnerViewParts, runner: Runner): Record<string, unknown> {
  const { metadata, spec } = runner
  const heard = presence(deps, runner)
  const state = runnerStateOf(deps, runner)
  const { reason, message } = why(deps, runner, state)
  return {
    id: metadata.uid,
    name: spec.displayName ?? metadata.name,
    type: typeOf(runner),
    status: state,
    labels: spec.labels ?? [],
    lastHeartbeat: heard === undefined ? lastRun(deps, runner) : new Date(heard.heardMs).toISOString(),
    repository: spec.repository ?? null,
    pool: spec.poolName ?? null,
    jobId: spec.jobRef === undefined ? null : publicId({ metadata: spec.jobRef }),
    reason: reason ?? null,
    message: message ?? null,
    createdAt: iso(metadata.creationTimestamp),
  }
}

/** When the pod of an ephemeral Runner was last known to run its job; null where it never was. Nothing is written for it. */
function lastRun({ caches, clock }: RunnerViewParts, runner: Runner): string | null {
  const job = runner.spec.type === 'Ephemeral' ? jobOf(caches, runner) : undefined
  const pod = podState(job && podOf(caches, job))
  switch (pod.is) {
    case 'running':
    case 'ending': {
      // What the watch has not taken back counts until it was last heard of.
      const heardMs = caches.podReflector?.lastContactMs()
      if (pod.facts.startedAt === undefined || heardMs === undefined) return iso(pod.facts.startedAt)
      const agoMs = clock.monotonicMs() - heardMs
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

/** Why a Runner is in its state. */
function why(deps: RunnerViewParts, runner: Runner, state: RunnerState): { reason?: string; message?: string } {
  const { spec, status } = runner
  // What is stored of a proxy runner is behind what its Lease and jobs say.
  if (spec.type === 'Proxy') return state === 'offline' ? status : {}
  // An ephemeral one outlives its job for a while, and its own status is not written any more.
  const job = spec.type === 'Ephemeral' ? jobOf(deps.caches, runner) : undefined
  return job !== undefined && isFinished(job) ? job.status : status
}
