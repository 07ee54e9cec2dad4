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
import { fill, isJson, isSilent, type Json, listOf, record } from '../json.ts'
import { checkTemplate, mainContainer } from './template.ts'
import { containerDefaults, podDefaults } from './security-defaults.ts'
import { delegationEnv } from './delegation-env.ts'

/**
 * The pod of a Runner: its pool's template as written, with our metadata. The operator sets name, owner, finalizer,
 * restartPolicy and the delegation's variables, and restricted security settings where the template sets none. Values of
 * the wrong shape go to the API server unchanged. Callers' input only ends up in values of environment variables. Throws
 * BadTemplate if the template contains something that a runner pod cannot have.
 */
export function desiredPod(pool: RunnerPool, job: RunnerJob, runner: Runner): NewObject<Pod> {
  const { template } = pool.spec
  checkTemplate(template)
  const { metadata, spec } = template
  const env = delegationEnv(job, runner)
  const dress = (container: unknown) => (isJson(container) ? withEnv(secured(container, spec), env) : container)
  const securityContext = fill(spec['securityContext'], podDefaults(spec))
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...metadata,
      name: runner.metadata.name,
      ...(runner.metadata.namespace !== undefined && { namespace: runner.metadata.namespace }),
      labels: { [MANAGED_BY_LABEL]: MANAGED_BY, ...record(metadata?.['labels']), ...podLabels(runner) },
      annotations: {
        ...record(metadata?.['annotations']),
        [CONTAINER_ANNOTATION]: String(record(mainContainer(spec))['name']),
      },
      ownerReferences: [controllerRef(runners, runner)],
      finalizers: [OUTCOME_FINALIZER],
    },
    spec: {
      ...record(fill(spec, { automountServiceAccountToken: false, enableServiceLinks: false })),
      restartPolicy: 'Never',
      ...(securityContext !== undefined && { securityContext }),
      containers: listOf(spec['containers']).map(dress),
      ...(Array.isArray(spec['initContainers']) && { initContainers: listOf(spec['initContainers']).map(dress) }),
    },
  }
}

/** The labels that network policies and users select pods by. */
function podLabels({ metadata, spec }: Runner): Record<string, string> {
  const { jobRef, poolName } = spec
  return {
    [RUNNER_LABEL]: metadata.name,
    ...(jobRef !== undefined && { [JOB_LABEL]: jobRef.name, [JOB_UID_LABEL]: jobRef.uid }),
    ...(poolName !== undefined && { [POOL_LABEL]: poolName }),
  }
}

/** The labels of `podLabels` that the pod lacks or that were changed. */
export function lostLabels(pod: Pod, runner: Runner): Record<string, string> {
  const { labels = {} } = pod.metadata
  return Object.fromEntries(Object.entries(podLabels(runner)).filter(([name, value]) => labels[name] !== value))
}

/**
 * The API server's message about a pod, with the template's positions: in the pod, the delegation's variables come
 * before those of the template.
 */
export function inTermsOfTemplate(message: string, { job, runner }: { job: RunnerJob; runner: Runner }): string {
  const before = delegationEnv(job, runner).length
  return message.replaceAll(
    /(\bspec\.(?:containers|initContainers)\[\d+\]\.env\[)(\d+)\]/g,
    (_, path, index) => `${path}${Math.max(0, Number(index) - before)}]`,
  )
}

/** Adds the settings that the restricted Pod Security level requires of each container, where it sets none. */
function secured(container: Json, spec: Json): Json {
  const securityContext = fill(container['securityContext'], containerDefaults(container, spec))
  return securityContext === undefined ? container : { ...container, securityContext }
}

// Ours come first, so that the template's own variables can refer to them.
function withEnv(container: Json, env: readonly Json[]): Json {
  const own = container['env']
  if (!isSilent(own) && !Array.isArray(own)) return container
  return { ...container, env: [...env, ...listOf(own)] }
}
