import { hash, randomUUID } from 'node:crypto'
import { DELEGATION_KEY_ANNOTATION } from '../../../src/api/names.ts'
import type { NewObject } from '../../../src/api/object.ts'
import type { RunnerJob } from '../../../src/api/runner-job.ts'

/** A delegation as the REST API creates it: with every field, its key, and realistic lengths. Some facts may differ. */
export function newJob(namespace: string, index: number, facts: Partial<RunnerJob['spec']> = {}): NewObject<RunnerJob> {
  return {
    apiVersion: 'runnerhub.dev/v1',
    kind: 'RunnerJob',
    metadata: {
      name: randomUUID(),
      namespace,
      annotations: { [DELEGATION_KEY_ANNOTATION]: hash('sha256', `${index}`) },
    },
    spec: {
      repository: 'example-organisation/example-service',
      runId: String(7_890_000_000 + index),
      jobId: String(21_345_000_000 + index),
      runAttempt: 1,
      workflow: 'CI/CD Pipeline',
      runnerName: 'proxy-runner-01',
      sha: '9fceb02d0ae598e95dc970b74767f19372d61af8',
      ref: 'refs/heads/main',
      eventName: 'push',
      actor: 'octocat',
      labels: ['self-hosted', 'linux', 'x64'],
      delegatedAt: new Date().toISOString(),
      cancel: false,
      timeoutSeconds: 21_600,
      ttlSecondsAfterFinished: 86_400,
      ...facts,
    },
  }
}

/** The same as a stored object, which the raw client names as the owner of its objects. */
export function storedJob(namespace: string, index: number): RunnerJob {
  const { metadata, spec } = newJob(namespace, index)
  const stored = { uid: randomUUID(), resourceVersion: '1', creationTimestamp: new Date().toISOString() }
  return { metadata: { ...metadata, ...stored }, spec, status: { phase: 'Queued' } }
}
