import type { NewObject } from '../../../src/api/object.ts'
import type { RunnerPool } from '../../../src/api/runner-pool.ts'

export interface PoolOptions {
  /** The script of the job's shell. */
  script?: string
  image?: string
  maxRunners?: number
  memory?: string
  /** What the shell of an ordinary side-car runs, if there is to be one. */
  sidecar?: string
  /** Requests a privilege that the restricted level of Pod Security rejects. */
  privileged?: boolean
  /** Runs the jobs that proxies hand over, by a runner in the image. */
  isWorker?: boolean
  /** The script of an init container. */
  prepare?: string
  /** Further fields of the job's container and of the pod. */
  container?: Record<string, unknown>
  pod?: Record<string, unknown>
}

/** Grace period of a stopped pod. */
const graceSeconds = 5

/** Runs until SIGTERM, and prints that it was stopped. */
export const runsOn = `trap 'echo stopped; exit 143' TERM; echo running; while :; do sleep 0.1; done`

/** Runs until its test ends it with `finishJob`. */
export const untilSignalled = `trap 'echo over; exit 0' USR1; trap 'exit 143' TERM; echo begun; while :; do sleep 5 & wait $!; done`

/** A pool whose jobs select it by its name as their label. */
export function newPool(name: string, baseImage: string, options: PoolOptions): NewObject<RunnerPool> {
  const { script = 'echo done', image = baseImage, maxRunners = 20, memory = '64Mi', privileged = false } = options
  const { isWorker = false } = options
  const { sidecar } = options
  const container = {
    name: 'runner',
    image,
    imagePullPolicy: 'IfNotPresent',
    ...(!isWorker && { command: ['/bin/sh', '-c', script] }),
    resources: { requests: { cpu: '10m', memory: '8Mi' }, limits: { memory } },
    ...options.container,
  }
  const beside = sidecar === undefined ? [] : [{ ...container, name: 'sidecar', command: ['/bin/sh', '-c', sidecar] }]
  const spec = {
    terminationGracePeriodSeconds: graceSeconds,
    securityContext: { runAsUser: 65_532 },
    containers: [container, ...beside],
    ...(options.prepare !== undefined && { initContainers: [before(container, options.prepare)] }),
    ...(privileged && { hostNetwork: true }),
    ...options.pod,
  }
  const mode = isWorker ? 'Worker' : 'Template'
  return {
    apiVersion: 'runnerhub.dev/v1',
    kind: 'RunnerPool',
    metadata: { name },
    spec: { labels: [name], mode, template: { spec }, maxRunners, finishedPodTTLSeconds: 600 },
  }
}

function before(container: object, script: string): object {
  return { ...container, name: 'prepare', command: ['/bin/sh', '-c', script] }
}
