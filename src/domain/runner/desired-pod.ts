import {
  CONTAINER_ANNOTATION,
  JOB_LABEL,
  JOB_UID_LABEL,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  OUTCOME_FINALIZER,
  POOL_LABEL,
  RUNNER_LABEL,
} from '../../api/names.ts'
import { controllerRef, type NewObject } from '../../api/object.ts'
import type { Pod } from '../../api/pod.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import type { RunnerPool } from '../../api/runner-pool.ts'
import { type Runner, runners } from '../../api/runner.ts'
import { delegationEnv } from './delegation-env.ts'

type Json = Record<string, unknown>

/** The template cannot be made into a pod. Says what is wrong with it. */
export class BadTemplate extends Error {
  override name = 'BadTemplate'
}

/**
 * The pod of a Runner: its pool's template, with what makes it ours. The operator sets name, owner, finalizer,
 * restartPolicy and the delegation's variables, and restricted security settings where the template is silent.
 * Nothing that a caller sent ends up anywhere but in values of environment variables.
 */
export function desiredPod(pool: RunnerPool, job: RunnerJob, runner: Runner): NewObject<Pod> {
  const { metadata, spec } = pool.spec.template
  const containers = containersOf(spec)
  const main = containers.find(({ name }) => name === 'runner') ?? containers[0]
  const env = delegationEnv(job, runner)
  const dress = (container: Json) => withEnv(restricted(container), env)
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: runner.metadata.name,
      ...(runner.metadata.namespace !== undefined && { namespace: runner.metadata.namespace }),
      labels: { ...texts(metadata?.['labels']), [MANAGED_BY_LABEL]: MANAGED_BY, ...podLabels(runner) },
      annotations: { ...texts(metadata?.['annotations']), [CONTAINER_ANNOTATION]: String(main?.['name']) },
      ownerReferences: [controllerRef(runners, runner)],
      finalizers: [OUTCOME_FINALIZER],
    },
    spec: {
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      ...spec,
      restartPolicy: 'Never',
      securityContext: {
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
        ...record(spec['securityContext']),
      },
      containers: containers.map(runOnce).map(dress),
      ...(Array.isArray(spec['initContainers']) && { initContainers: records(spec['initContainers']).map(dress) }),
    },
  }
}

/** The labels by which others find the pod: network policies, and whoever asks for the pods of a job or a pool. */
function podLabels({ metadata, spec }: Runner): Record<string, string> {
  const { jobRef, poolName } = spec
  return {
    [RUNNER_LABEL]: metadata.name,
    ...(jobRef !== undefined && { [JOB_LABEL]: jobRef.name, [JOB_UID_LABEL]: jobRef.uid }),
    ...(poolName !== undefined && { [POOL_LABEL]: poolName }),
  }
}

/** Those of them that the pod has lost, or that somebody has changed. */
export function lostLabels(pod: Pod, runner: Runner): Record<string, string> {
  const { labels = {} } = pod.metadata
  return Object.fromEntries(Object.entries(podLabels(runner)).filter(([name, value]) => labels[name] !== value))
}

function containersOf(spec: Json): Json[] {
  const containers = records(spec['containers'])
  if (containers.length === 0) throw new BadTemplate('template.spec.containers: at least one container is needed')
  return containers
}

/** The container without rules by which the kubelet would run it again in its place. */
function runOnce({ restartPolicy: _policy, restartPolicyRules: _rules, ...container }: Json): Json {
  return container
}

/** Settings that the restricted Pod Security level asks of each container. They contradict a privileged one's. */
function restricted(container: Json): Json {
  const own = record(container['securityContext'])
  if (own['privileged'] === true) return container
  return {
    ...container,
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, ...own },
  }
}

// Ours come first, so that the template's own variables can refer to them.
function withEnv(container: Json, env: readonly Json[]): Json {
  return { ...container, env: [...env, ...records(container['env'])] }
}

function record(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}
}

function records(value: unknown): Json[] {
  return Array.isArray(value) ? value.map(record) : []
}

function texts(value: unknown): Record<string, string> {
  return Object.fromEntries(Object.entries(record(value)).map(([key, text]) => [key, String(text)]))
}
