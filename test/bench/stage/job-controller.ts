import { randomUUID } from 'node:crypto'
import type { KubeObject, NewObject, Resource } from '../../../src/api/object.ts'
import type { Usage } from './machine.ts'
import { smallPodSpec } from './small-pod.ts'
import type { Stage } from './stage.ts'

/** The Jobs of Kubernetes, whose controller makes one pod for each. */
export const batchJobs: Resource = { group: 'batch', version: 'v1', plural: 'jobs', kind: 'Job' }

const raised = ['--controllers=job', '--concurrent-job-syncs=64', '--kube-api-qps=5000', '--kube-api-burst=10000']

/** Runs a function beside the Job controller of Kubernetes, alone in its process, with limits that do not slow it down. */
export async function besideJobController<R>(
  { controllerManager }: Stage,
  act: (usage: () => Promise<Usage>) => Promise<R>,
): Promise<R> {
  await controllerManager.start(...raised)
  try {
    return await act(controllerManager.usage)
  } finally {
    await controllerManager.stop()
  }
}

/** A small Job with a pod like the floor's. */
export function newBatchJob(namespace: string): NewObject<KubeObject> & { spec: object } {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: `job-${randomUUID()}`, namespace },
    spec: { backoffLimit: 0, template: { spec: smallPodSpec } },
  }
}
