import type { KubeObject, Resource } from '../../../src/api/object.ts'
import { pods } from '../../../src/api/pod.ts'
import { type RunnerJob, runnerJobs } from '../../../src/api/runner-job.ts'
import type { KubeClient } from '../../../src/kube/client/client.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { resourcePath } from '../../../src/kube/client/resource-path.ts'
import { eventually } from '../../observe/eventually.ts'
import { BareClient, inFlight } from '../stage/bare-client.ts'
import { newJob } from '../stage/jobs.ts'
import type { Place } from '../stage/place.ts'
import type { PodWatch } from '../stage/pod-watch.ts'
import type { Stage } from '../stage/stage.ts'

const forever = new AbortController().signal

/** Creates RunnerJobs, whose facts may differ. */
export async function createJobs(
  { server, ca }: Stage,
  { token, namespace }: Place,
  count: number,
  factsOf?: (index: number) => Partial<RunnerJob['spec']>,
): Promise<void> {
  const client = new BareClient({ server, ca, token, userAgent: 'runnerhub-bench' })
  await inFlight(64, count, async (index) => {
    const job = newJob(namespace, index, factsOf?.(index))
    const body = await client.post(resourcePath(runnerJobs, namespace), job)
    await body.dump()
  })
  await client.close()
}

/** Creates finished RunnerJobs of the place's pool, which cause no work. */
export async function createFinishedJobs(
  { server, ca }: Stage,
  { token, namespace, pool }: Place,
  count: number,
): Promise<void> {
  const client = new BareClient({ server, ca, token, userAgent: 'runnerhub-bench' })
  const path = resourcePath(runnerJobs, namespace)
  await inFlight(64, count, async (index) => {
    const body = await client.post(path, newJob(namespace, index))
    const job = asObject(await body.json())
    await client.put(`${path}/${String(asObject(job['metadata'])['name'])}/status`, { ...job, status: finished(pool) })
  })
  await client.close()
}

function finished({ metadata }: Place['pool']): RunnerJob['status'] {
  const completedAt = new Date().toISOString()
  const poolName = metadata.name
  return { phase: 'Completed', reason: 'Succeeded', message: 'exit code 0', exitCode: 0, completedAt, poolName }
}

/** Waits until every job has its pod, by the watch, or by the API server's count if the watch is silent. */
export async function allPods({ admin }: Stage, { namespace }: Place, watch: PodWatch, count: number): Promise<void> {
  let askAgainAt = performance.now() + 2000
  const done = async (): Promise<boolean> => {
    if (watch.count >= count) return true
    if (performance.now() < askAgainAt) return false
    askAgainAt = performance.now() + 2000
    return (await countOf(admin, pods, { namespace })) >= count
  }
  await eventually(done, { withinMs: 180_000, everyMs: 50, what: `${count} pods in ${namespace}` })
}

/** Waits until every job's status shows a Runner: then the operator's deferred work is done. */
export async function allAssigned({ admin }: Stage, { namespace }: Place): Promise<void> {
  const query = { namespace, fieldSelector: 'status.phase=Queued' }
  const none = async (): Promise<boolean> => (await countOf(admin, runnerJobs, query)) === 0
  await eventually(none, { withinMs: 180_000, everyMs: 250, what: 'no job is Queued' })
}

/** Waits until every job has succeeded. */
export async function allFinished({ admin }: Stage, { namespace }: Place): Promise<void> {
  const query = { namespace, fieldSelector: 'status.phase!=Completed' }
  const none = async (): Promise<boolean> => (await countOf(admin, runnerJobs, query)) === 0
  await eventually(none, { withinMs: 600_000, everyMs: 500, what: 'every job has succeeded' })
}

/** The number of objects, by the API server's count. */
export async function countOf<T extends KubeObject>(
  admin: KubeClient,
  resource: Resource<T>,
  { namespace, fieldSelector }: { namespace: string; fieldSelector?: string },
): Promise<number> {
  // With a selector, the server omits remainingItemCount: then only zero or non-zero is known.
  const query = { limit: '1', ...(fieldSelector !== undefined && { fieldSelector }) }
  const list = asObject(await admin.request('GET', resourcePath(resource, namespace), { query }, forever))
  const items = Array.isArray(list['items']) ? list['items'].length : 0
  return items + Number(asObject(list['metadata'])['remainingItemCount'] ?? 0)
}
