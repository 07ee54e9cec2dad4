import { pods } from '../../../src/api/pod.ts'
import type { RunnerPool } from '../../../src/api/runner-pool.ts'
import { runners } from '../../../src/api/runner.ts'
import { desiredPod } from '../../../src/domain/runner/desired-pod.ts'
import { newRunner } from '../../../src/domain/runner/new-runner.ts'
import { parseObject } from '../../../src/kube/client/parse.ts'
import { resourcePath } from '../../../src/kube/client/resource-path.ts'
import type { BareClient } from '../stage/bare-client.ts'
import { storedJob } from '../stage/jobs.ts'

/** Posts what the operator posts for one job: its Runner, then its Pod, the same bytes but for ids. Returns the name. */
export async function postPair(client: BareClient, pool: RunnerPool, index: number): Promise<string> {
  const namespace = pool.metadata.namespace ?? ''
  const job = storedJob(namespace, index)
  const body = await client.post(resourcePath(runners, namespace), newRunner(job, pool))
  const runner = parseObject(runners, await body.json())
  const created = await client.post(resourcePath(pods, namespace), desiredPod(pool, job, runner))
  await created.dump({ limit: 1_000_000 })
  return runner.metadata.name
}
