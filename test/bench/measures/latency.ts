import { setTimeout as sleep } from 'node:timers/promises'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { resourcePath } from '../../../src/kube/client/resource-path.ts'
import { arrivals, type Load } from '../stage/arrivals.ts'
import { BareClient, inFlight } from '../stage/bare-client.ts'
import { newJob } from '../stage/jobs.ts'
import { admitOutsiders } from '../stage/floor.ts'
import { type Surroundings, surroundings } from '../stage/machine.ts'
import { Operator } from '../stage/operator.ts'
import type { Place } from '../stage/place.ts'
import { PodWatch } from '../stage/pod-watch.ts'
import type { Shipped } from '../stage/shipped.ts'
import { onStage, type Stage } from '../stage/stage.ts'
import { difference, quantile } from '../statistics.ts'
import { allAssigned, allPods, createJobs } from './backlog.ts'
import { floorLatency, jobLatency } from './outside.ts'
import { postPair } from './raw-pair.ts'

const warmUp = 300

/** Milliseconds until a third party sees the pod. */
export interface Latency {
  p50: number
  p99: number
  samples: number
}

export interface LatencyResult {
  rate: number
  surroundings: Surroundings
  /** From the start of the Runner's POST; Runner, then Pod, one in flight. Half before and half after. */
  raw: Latency
  rawDifference: number
  /** From the response to the RunnerJob's POST; open loop. */
  operator: Latency
  ratio: { p50: number; p99: number }
  /** From the response to a Job's POST, by the Job controller of Kubernetes; open loop. */
  jobController: Latency
  /** From the response to an object's POST to the response to its pod's, by the client in Go; open loop. */
  floor: Latency
  ofJobController: { p50: number; p99: number }
}

/** One load on a fresh control plane: raw, operator, Job controller, floor, raw. All times are of this process's monotonic clock. */
export function measureLatency({ perSecond, seconds }: Load, shipped: Shipped): Promise<LatencyResult> {
  return onStage(async (stage) => {
    const around = surroundings()
    const half = { perSecond, seconds: seconds / 2 }
    const before = await rawRun(stage, 'raw-before', half)
    const own = await operatorRun(stage, { perSecond, seconds }, shipped)
    await admitOutsiders(stage)
    const jobController = latencyOf(await jobLatency(stage, 'job-controller', { perSecond, seconds }, warmUp))
    const floor = latencyOf(await floorLatency(stage, 'floor', { perSecond, seconds }, warmUp))
    const after = await rawRun(stage, 'raw-after', half)
    const raw = latencyOf([...before, ...after])
    const operator = latencyOf(own)
    return {
      rate: perSecond,
      surroundings: around,
      raw,
      rawDifference: difference(quantile(before, 0.5), quantile(after, 0.5)),
      operator,
      ratio: { p50: operator.p50 / raw.p50, p99: operator.p99 / raw.p99 },
      jobController,
      floor,
      ofJobController: { p50: operator.p50 / jobController.p50, p99: operator.p99 / jobController.p99 },
    }
  })
}

export function latencyOf(values: readonly number[]): Latency {
  return { p50: quantile(values, 0.5), p99: quantile(values, 0.99), samples: values.length }
}

/** Uses the same arrivals as the operator's load, but starts each pair only after the last response. */
async function rawRun(stage: Stage, namespace: string, load: Load): Promise<number[]> {
  const place = await stage.place(namespace)
  const client = clientOf(stage, place, 'runnerhub-raw-client/0.1.0')
  const watch = new PodWatch(stage, place)
  await watch.start()
  try {
    await inFlight(1, warmUp, async (index) => void (await postPair(client, place.pool, index)))
    const begun = new Map<string, number>()
    for await (const index of arrivals(load)) {
      const at = performance.now()
      begun.set(await postPair(client, place.pool, index), at)
    }
    return await watch.untilSeen(begun)
  } finally {
    await client.close()
    await watch.stop()
  }
}

async function operatorRun(stage: Stage, load: Load, shipped: Shipped): Promise<number[]> {
  const place = await stage.place('runnerhub')
  const client = clientOf(stage, place, 'runnerhub-bench')
  const watch = new PodWatch(stage, place)
  await watch.start()
  const operator = await Operator.start(stage, place, shipped)
  try {
    await createJobs(stage, place, warmUp)
    await operator.during(allPods(stage, place, watch, warmUp))
    await operator.during(allAssigned(stage, place))
    await sleep(500)
    const answered = new Map<string, number>()
    const posts: Promise<void>[] = []
    for await (const index of arrivals(load)) posts.push(postJob(client, place, index, answered))
    await Promise.all(posts)
    return await watch.untilSeen(answered)
  } finally {
    await operator.stop()
    await client.close()
    await watch.stop()
  }
}

/** Creates a job, and records under the name of its Runner when the response came. */
export async function postJob(
  client: BareClient,
  place: Place,
  index: number,
  answered: Map<string, number>,
): Promise<void> {
  const job = newJob(place.namespace, index)
  const body = await client.post(resourcePath(runnerJobs, place.namespace), job)
  answered.set(`${job.metadata.name}-1`, performance.now())
  await body.dump()
}

export function clientOf({ server, ca }: Stage, { token }: Place, userAgent: string): BareClient {
  return new BareClient({ server, ca, token, userAgent })
}
