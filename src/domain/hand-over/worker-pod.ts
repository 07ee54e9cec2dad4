import { createHash } from 'node:crypto'
import type { RunnerJob } from '../../api/runner-job.ts'
import { DEFAULT_RUNNER_DIRECTORY, type RunnerPool } from '../../api/runner-pool.ts'
import { elementsOf, fieldsOf, type Json } from '../../api/json.ts'
import { PART_KEY, partNames } from './message-parts.ts'
import type { EnvVar } from '../runner/delegation-env.ts'

/** Where a Worker's pod has what it needs. Nothing of an image is there. */
const ROOT = '/opt/runnerhub'
const PARTS = { name: 'runnerhub-parts', mountPath: `${ROOT}/parts` }
const MESSAGE = { name: 'runnerhub-message', mountPath: `${ROOT}/message` }
const AGENT = { name: 'runnerhub-agent', mountPath: `${ROOT}/agent` }
const MESSAGE_FILE = `${MESSAGE.mountPath}/frame.gz`

/** The API server's default. */
const DEFAULT_GRACE_SECONDS = 30

/** The file of the ConfigMap that holds the agent. */
export const AGENT_FILE = 'agent.sh'

/** Name of the ConfigMap with which a pool brings this version of the agent to its pods. */
export function agentName(pool: RunnerPool, agentScript: string): string {
  const digest = createHash('sha256').update(`${pool.metadata.uid}\n${agentScript}`).digest('hex')
  return `runnerhub-agent-${digest.slice(0, 16)}`
}

/** What a container of the template is made into, and what the pod has besides. */
export interface WorkerParts {
  main: Json
  init: Json
  volumes: Json[]
}

/**
 * Makes the job's container run the agent, which feeds the message to the runner's Worker.
 *
 * An init container puts the message together in memory. So the job's container has no Secret mounted, and the agent
 * can take the message away before the first step of the job runs.
 */
export function workerParts(main: Json, job: RunnerJob, { pool, agent }: WorkerSettings): WorkerParts {
  const { args: _args, command: _command, ...rest } = main
  return {
    main: {
      ...rest,
      command: ['bash', `${AGENT.mountPath}/${AGENT_FILE}`],
      env: [...agentVariables(main, job, pool), ...elementsOf(main['env'])],
      volumeMounts: [...elementsOf(main['volumeMounts']), MESSAGE, { ...AGENT, readOnly: true }],
    },
    init: unpacker(main),
    volumes: [
      { name: PARTS.name, projected: { defaultMode: 0o444, sources: sourcesOf(job) } },
      { name: MESSAGE.name, emptyDir: { medium: 'Memory', sizeLimit: '16Mi' } },
      { name: AGENT.name, configMap: { name: agent, defaultMode: 0o444 } },
    ],
  }
}

export interface WorkerSettings {
  pool: RunnerPool
  /** Name of the ConfigMap with the agent. */
  agent: string
}

/** What the agent has to know, in variables that come before those of the template. */
export function agentVariables(main: Json, job: RunnerJob, { spec }: RunnerPool): EnvVar[] {
  const workingDir = typeof main['workingDir'] === 'string' ? main['workingDir'] : DEFAULT_RUNNER_DIRECTORY
  const { runnerVersion = '', serverUrl = '' } = job.spec.message ?? {}
  const { terminationGracePeriodSeconds: given } = spec.template.spec
  const grace = typeof given === 'number' ? given : DEFAULT_GRACE_SECONDS
  return [
    { name: 'RUNNERHUB_MESSAGE', value: MESSAGE_FILE },
    { name: 'RUNNERHUB_RUNNER_DIRECTORY', value: spec.worker?.runnerDirectory ?? workingDir },
    { name: 'RUNNERHUB_RUNNER_VERSION', value: runnerVersion },
    { name: 'RUNNERHUB_SERVER_URL', value: serverUrl },
    { name: 'RUNNERHUB_GRACE_SECONDS', value: String(grace) },
  ]
}

/** It runs the image that the node needs anyway, as the user whom the agent is, with no more than the job may have. */
function unpacker(main: Json): Json {
  return {
    name: 'runnerhub-message',
    ...pick(main, ['image', 'imagePullPolicy', 'resources']),
    securityContext: pick(main['securityContext'], ['runAsUser', 'runAsGroup', 'runAsNonRoot', 'seccompProfile']),
    command: ['bash', '-c', `umask 077; exec cat ${PARTS.mountPath}/part-* >${MESSAGE_FILE}`],
    volumeMounts: [{ ...PARTS, readOnly: true }, MESSAGE],
  }
}

/** The Secrets are named, not listed: a pod with one part too few does not start. */
function sourcesOf({ metadata, spec }: RunnerJob): Json[] {
  if (spec.message === undefined) return []
  return partNames(metadata.name, spec.message).map((name, index) => ({
    secret: { name, items: [{ key: PART_KEY, path: `part-${String(index).padStart(2, '0')}` }] },
  }))
}

function pick(from: unknown, fields: readonly string[]): Json {
  return Object.fromEntries(Object.entries(fieldsOf(from)).filter(([field]) => fields.includes(field)))
}
