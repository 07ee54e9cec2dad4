import { JOB_LABEL, JOB_UID_LABEL, POOL_LABEL } from '../../src/api/names.ts'
import { controllerRef, type NewObject } from '../../src/api/object.ts'
import type { Pod } from '../../src/api/pod.ts'
import { type NewRunnerJobSpec, type RunnerJob, runnerJobDefaults, runnerJobs } from '../../src/api/runner-job.ts'
import type { Runner } from '../../src/api/runner.ts'
import type { RunnerPool, RunnerPoolSpec } from '../../src/api/runner-pool.ts'

/** A RunnerJob to be created, with defaults for all other fields. */
export function newJob(name: string, spec: Partial<NewRunnerJobSpec> = {}): NewObject<RunnerJob> {
  const facts = { repository: 'owner/repo', runId: '1', jobId: name }
  const full = { ...runnerJobDefaults, ...facts, ...spec }
  return { apiVersion: 'runnerhub.dev/v1', kind: 'RunnerJob', metadata: { name }, spec: full }
}

/** A RunnerPool to be created, whose template the restricted level of Pod Security accepts. */
export function newPool(name: string, spec: Partial<RunnerPoolSpec> = {}): NewObject<RunnerPool> {
  const template = { spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'runner', image: 'runner' }] } }
  const full = { mode: 'Template', template, maxRunners: 20, finishedPodTTLSeconds: 600, ...spec } as const
  return { apiVersion: 'runnerhub.dev/v1', kind: 'RunnerPool', metadata: { name }, spec: full }
}

/** The Runner of a job, as an operator creates it. */
export function newRunner(job: RunnerJob): NewObject<Runner> {
  const { name, uid } = job.metadata
  return {
    apiVersion: 'runnerhub.dev/v1',
    kind: 'Runner',
    metadata: {
      name: `${name}-1`,
      labels: { [JOB_LABEL]: name, [JOB_UID_LABEL]: uid, [POOL_LABEL]: 'default' },
      ownerReferences: [controllerRef(runnerJobs, job)],
    },
    spec: { type: 'Ephemeral', repository: 'owner/repo', poolName: 'default', jobRef: { name, uid }, attempt: 1 },
  }
}

/** A pod with the name that the job's pod will need; with our labels, or foreign. */
export function newPod(job: string, metadata: Partial<Pod['metadata']> = {}): NewObject<Pod> {
  const securityContext = {
    allowPrivilegeEscalation: false,
    runAsNonRoot: true,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
  }
  const containers = [{ name: 'runner', image: 'stranger', securityContext }]
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: `${job}-1`, ...metadata }, spec: { containers } }
}
