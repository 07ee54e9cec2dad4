import type { NewObject } from '../../src/api/object.ts'
import { type NewRunnerJobSpec, type RunnerJob, runnerJobDefaults } from '../../src/api/runner-job.ts'
import type { RunnerPool, RunnerPoolSpec } from '../../src/api/runner-pool.ts'

/** A RunnerJob to be created; what a test does not care for is filled in. */
export function newJob(name: string, spec: Partial<NewRunnerJobSpec> = {}): NewObject<RunnerJob> {
  const facts = { repository: 'owner/repo', runId: '1', jobId: name }
  const full = { ...runnerJobDefaults, ...facts, ...spec }
  return { apiVersion: 'runnerhub.dev/v1', kind: 'RunnerJob', metadata: { name }, spec: full }
}

/** A RunnerPool to be created, whose template the restricted level of Pod Security accepts. */
export function newPool(name: string, spec: Partial<RunnerPoolSpec> = {}): NewObject<RunnerPool> {
  const template = { spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'runner', image: 'runner' }] } }
  const full = { template, maxRunners: 20, finishedPodTTLSeconds: 600, ...spec }
  return { apiVersion: 'runnerhub.dev/v1', kind: 'RunnerPool', metadata: { name }, spec: full }
}
