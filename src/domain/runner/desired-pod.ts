import {
  CONTAINER_ANNOTATION,
  JOB_LABEL,
  JOB_UID_LABEL,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  MODE_LABEL,
  OUTCOME_FINALIZER,
  POOL_LABEL,
  RUNNER_LABEL,
} from '../../api/names.ts'
import { controllerRef, type NewObject } from '../../api/object.ts'
import type { Pod } from '../../api/pod.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import type { RunnerPool } from '../../api/runner-pool.ts'
import { type Runner, runners } from '../../api/runner.ts'
import { elementsOf, fieldsOf, isJson, type Json } from '../../api/json.ts'
import { fill, isSilent } from '../json.ts'
import { BadTemplate, checkTemplate, mainContainer } from './template.ts'
import { containerDefaults, podDefaults } from './security-defaults.ts'
import { modeOf, suitsMode } from '../pool/choice.ts'
import { agentName, agentVariables, workerParts } from '../hand-over/worker-pod.ts'
import { avoidance } from './avoidance.ts'
import { costLabelKeys, costLabels } from './cost-labels.ts'
import { delegationEnv } from './delegation-env.ts'

/**
 * The pod of a Runner: its pool's template as written, with our metadata. The operator sets name, owner, finalizer,
 * restartPolicy and the delegation's variables, and restricted security settings where the template sets none. Values of
 * the wrong shape go to the API server unchanged. Callers' input only ends up in values of environment variables, and
 * of labels that the pool wants for cost tools. In mode Worker the main container runs the agent; `agentScript` is its text. Throws BadTemplate if the template contains
 * something that a runner pod cannot have.
 */
export function desiredPod(pool: RunnerPool, job: RunnerJob, runner: Runner, agentScript = ''): NewObject<Pod> {
  const { template } = pool.spec
  requireMode(pool, job)
  checkTemplate(template, costLabelKeys(pool))
  const { metadata } = template
  const spec = pool.spec.mode === 'Worker' ? workerSpec(pool, job, agentScript) : template.spec
  const env = delegationEnv(job, runner)
  const dress = (container: unknown) => (isJson(container) ? withEnv(secured(container, spec), env) : container)
  const securityContext = fill(spec['securityContext'], podDefaults(spec, fieldsOf(metadata?.['annotations'])))
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...metadata,
      name: runner.metadata.name,
      ...(runner.metadata.namespace !== undefined && { namespace: runner.metadata.namespace }),
      labels: {
        [MANAGED_BY_LABEL]: MANAGED_BY,
        ...fieldsOf(metadata?.['labels']),
        ...costLabels(pool, job),
        ...podLabels(runner),
        ...modeLabel(pool.spec.mode),
      },
      annotations: {
        ...KEPT_BY_AUTOSCALERS,
        ...fieldsOf(metadata?.['annotations']),
        [CONTAINER_ANNOTATION]: String(fieldsOf(mainContainer(spec))['name']),
      },
      ownerReferences: [controllerRef(runners, runner)],
      finalizers: [OUTCOME_FINALIZER],
    },
    spec: {
      ...fieldsOf(fill(spec, { automountServiceAccountToken: false, enableServiceLinks: false })),
      ...avoidance(spec, job),
      restartPolicy: 'Never',
      ...(securityContext !== undefined && { securityContext }),
      containers: elementsOf(spec['containers']).map(dress),
      ...(Array.isArray(spec['initContainers']) && { initContainers: elementsOf(spec['initContainers']).map(dress) }),
    },
  }
}

/** With these, the Cluster Autoscaler and Karpenter remove no node while one of its jobs runs. */
const KEPT_BY_AUTOSCALERS = {
  'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false',
  'karpenter.sh/do-not-disrupt': 'true',
}

/** A pool may change its mode after a job was assigned to it. */
function requireMode(pool: RunnerPool, job: RunnerJob): void {
  const { metadata, spec } = pool
  if (suitsMode(pool, job)) return
  throw new BadTemplate(`RunnerPool ${metadata.name} is of mode ${spec.mode} by now, and the job needs ${modeOf(job)}`)
}

/** The template's spec, with the message and what runs it. */
function workerSpec(pool: RunnerPool, job: RunnerJob, agentScript: string): Json {
  const { spec } = pool.spec.template
  const main = mainContainer(spec)
  if (!isJson(main)) return spec
  const parts = workerParts(main, job, { pool, agent: agentName(pool, agentScript) })
  return {
    ...spec,
    containers: elementsOf(spec['containers']).map((container) => (container === main ? parts.main : container)),
    initContainers: [parts.init, ...elementsOf(spec['initContainers'])],
    volumes: [...elementsOf(spec['volumes']), ...parts.volumes],
  }
}

/** This label distinguishes the exit code of a runner's Worker from that of any other program. */
function modeLabel(mode: RunnerPool['spec']['mode']): Record<string, string> {
  return mode === 'Worker' ? { [MODE_LABEL]: mode } : {}
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

/** The labels of `podLabels`, and that of a pod's mode, that the pod lacks or that were changed. */
export function lostLabels(pod: Pod, runner: Runner, job: RunnerJob | undefined): Record<string, string> {
  const { labels = {} } = pod.metadata
  const mode = job === undefined ? {} : modeLabel(modeOf(job))
  const wanted = Object.entries({ ...podLabels(runner), ...mode })
  return Object.fromEntries(wanted.filter(([name, value]) => labels[name] !== value))
}

/**
 * The API server's message about a pod, with the template's positions: in the pod, the delegation's variables and the
 * agent's come before those of the template, and the agent's init container comes before the others.
 */
export function inTermsOfTemplate(message: string, { pool, job, runner }: PodParts): string {
  const { mode, template } = pool.spec
  const containers = elementsOf(template.spec['containers'])
  const main = mainContainer(template.spec)
  const ours = delegationEnv(job, runner).length
  const agents = mode === 'Worker' ? agentVariables(fieldsOf(main), job, pool).length : 0
  const inits = mode === 'Worker' ? 1 : 0
  return message.replaceAll(
    /\bspec\.(containers|initContainers)\[(\d+)\](?:\.env\[(\d+)\])?/g,
    (_, list: string, at: string, variable?: string) => {
      const index = list === 'containers' ? Number(at) : Math.max(0, Number(at) - inits)
      const before = list === 'containers' && containers[index] === main ? ours + agents : ours
      const env = variable === undefined ? '' : `.env[${Math.max(0, Number(variable) - before)}]`
      return `spec.${list}[${index}]${env}`
    },
  )
}

/** What a pod is made of. */
export interface PodParts {
  pool: RunnerPool
  job: RunnerJob
  runner: Runner
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
  return { ...container, env: [...env, ...elementsOf(own)] }
}
