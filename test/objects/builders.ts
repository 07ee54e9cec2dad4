import {
  JOB_LABEL,
  JOB_UID_LABEL,
  OUTCOME_FINALIZER,
  POOL_LABEL,
  PROXY,
  proxyName,
  RUNNER_LABEL,
  RUNNER_TYPE_LABEL,
} from '../../src/api/names.ts'
import { type Condition, controllerRef, type ObjectMeta } from '../../src/api/object.ts'
import type { ContainerState, ContainerStatus, Pod, PodStatus } from '../../src/api/pod.ts'
import type { Node } from '../../src/api/node.ts'
import type { RunnerJob, RunnerJobSpec, RunnerJobStatus } from '../../src/api/runner-job.ts'
import type { RunnerPool, RunnerPoolSpec } from '../../src/api/runner-pool.ts'
import { type Runner, runners, type RunnerSpec, type RunnerStatus } from '../../src/api/runner.ts'
import { type Lease, microTime } from '../../src/kube/election/lease.ts'

// Objects as the API server returns them, complete and valid. A test sets only the fields that it is about.

/** The creation time of all these objects, plus some seconds. */
export const t0 = '2026-01-01T00:00:00Z'
export function at(seconds: number): Date {
  return new Date(Date.parse(t0) + seconds * 1000)
}
/** The same in whole seconds, as the kubelet and the API server write times. */
export function stamp(seconds: number): string {
  return at(seconds).toISOString().replace('.000Z', 'Z')
}

type Meta = Partial<ObjectMeta>

function meta(name: string, given: Meta): ObjectMeta {
  const uid = `${name}-uid`
  return { name, namespace: 'ns', uid, resourceVersion: '1', generation: 1, creationTimestamp: t0, ...given }
}

interface JobParts {
  metadata?: Meta
  spec?: Partial<RunnerJobSpec>
  status?: Partial<RunnerJobStatus>
}

/** A job named `job`, waiting. */
export function aJob({ metadata = {}, spec, status }: JobParts = {}): RunnerJob {
  const facts = { repository: 'owner/repo', runId: '1', jobId: '2' }
  const defaults = { cancel: false, timeoutSeconds: 21_600, ttlSecondsAfterFinished: 86_400 }
  return {
    metadata: meta(metadata.name ?? 'job', metadata),
    spec: { ...facts, ...defaults, ...spec },
    status: { phase: 'Queued', ...status },
  }
}

interface RunnerParts {
  job?: RunnerJob
  metadata?: Meta
  spec?: Partial<RunnerSpec>
  status?: Partial<RunnerStatus>
}

/** The Runner of a job, starting, in pool `pool`. */
export function aRunner({ job = aJob(), metadata, spec, status }: RunnerParts = {}): Runner {
  const { name, uid } = job.metadata
  const poolName = spec?.poolName ?? 'pool'
  const labels = { [JOB_LABEL]: name, [JOB_UID_LABEL]: uid, [POOL_LABEL]: poolName }
  return {
    metadata: meta(`${name}-1`, { labels, ...metadata }),
    spec: {
      type: 'Ephemeral',
      repository: job.spec.repository,
      poolName,
      jobRef: { name, uid },
      attempt: 1,
      ...spec,
    },
    status: { phase: 'Starting', ...status },
  }
}

/** A proxy runner with the name `proxy-1`, registered and idle. */
export function aProxy({ metadata, spec, status }: Omit<RunnerParts, 'job'> = {}): Runner {
  const displayName = spec?.displayName ?? 'proxy-1'
  return {
    metadata: meta(proxyName(displayName), metadata ?? {}),
    spec: { type: 'Proxy', displayName, attempt: 1, ...spec },
    status: { phase: 'Idle', ...status },
  }
}

/** Its Lease, last renewed at this second, for three periods of a minute. */
export function aLease(proxy: Runner, second: number): Lease {
  const { name, uid } = proxy.metadata
  const ownerReferences = [{ apiVersion: 'runnerhub.dev/v1', kind: 'Runner', name, uid }]
  return {
    metadata: meta(name, { ownerReferences, labels: { [RUNNER_TYPE_LABEL]: PROXY } }),
    spec: { renewTime: microTime(at(second)), leaseDurationSeconds: 180 },
  }
}

interface PodParts {
  runner?: Runner
  metadata?: Meta
  status?: PodStatus
  /** Its node; null for none yet. */
  nodeName?: string | null
}

/** The pod of a Runner, on a node, its container not started; held by our finalizer. */
export function aPod({
  runner = aRunner(),
  metadata,
  status = { phase: 'Pending' },
  nodeName = 'node',
}: PodParts = {}): Pod {
  const { name, labels } = runner.metadata
  const ours = {
    labels: { ...labels, [RUNNER_LABEL]: name },
    ownerReferences: [controllerRef(runners, runner)],
    finalizers: [OUTCOME_FINALIZER],
    uid: `${name}-pod-uid`,
  }
  return { metadata: meta(name, { ...ours, ...metadata }), spec: nodeName === null ? {} : { nodeName }, status }
}

/** A container's status: `runner` unless named otherwise. */
export function aContainer(state: ContainerState, name = 'runner'): ContainerStatus {
  return { name, image: 'image', containerID: `containerd://${name}`, state }
}

type End = Partial<NonNullable<ContainerState['terminated']>>

/** A container that ran from second 10 to second 20. */
export function ended(exitCode: number, given: End = {}): ContainerState {
  return { terminated: { exitCode, startedAt: stamp(10), finishedAt: stamp(20), ...given } }
}

/** A container that has been running since second 10. */
export const running: ContainerState = { running: { startedAt: stamp(10) } }

/** Status of a pod whose job's container is in this state. */
export function podStatus(phase: string, ...containerStatuses: ContainerStatus[]): PodStatus {
  return { phase, containerStatuses }
}

/** Metadata of an object deleted at this second; deletionTimestamp is the end of the grace period. */
export function deletedAt(seconds: number, graceSeconds = 30): Meta {
  return { deletionTimestamp: stamp(seconds + graceSeconds), deletionGracePeriodSeconds: graceSeconds }
}

/** A node named `node` that is in use. */
export function aNode({ metadata = {}, spec = {} }: { metadata?: Meta; spec?: Node['spec'] } = {}): Node {
  const { namespace: _, ...rest } = meta(metadata.name ?? 'node', metadata)
  return { metadata: rest, spec }
}

interface PoolParts {
  metadata?: Meta
  spec?: Partial<RunnerPoolSpec>
}

/** A pool named `pool` that takes every job. */
export function aPool({ metadata = {}, spec }: PoolParts = {}): RunnerPool {
  const template = { spec: { containers: [{ name: 'runner', image: 'image' }] } }
  return {
    metadata: meta(metadata.name ?? 'pool', metadata),
    spec: { mode: 'Template', template, maxRunners: 20, finishedPodTTLSeconds: 600, ...spec },
  }
}

/** The pool with its Ready condition, about its template as it is now. */
export function judged(pool: RunnerPool, status: 'True' | 'False', given: Partial<Condition> = {}): RunnerPool {
  const reason = status === 'True' ? 'TemplateAccepted' : 'InvalidPod'
  const ready = { type: 'Ready', status, reason, message: reason, lastTransitionTime: stamp(1), ...given }
  const observedGeneration = pool.metadata.generation ?? 1
  return { ...pool, status: { observedGeneration, conditions: [ready] } }
}
