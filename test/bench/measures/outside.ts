import { setTimeout as sleep } from 'node:timers/promises'
import { resourcePath } from '../../../src/kube/client/resource-path.ts'
import { eventually } from '../../observe/eventually.ts'
import { arrivals, type Load } from '../stage/arrivals.ts'
import { podCreateTimes, readAuditLog } from '../stage/audit-log.ts'
import { BareClient, inFlight } from '../stage/bare-client.ts'
import { runFloor } from '../stage/floor.ts'
import { batchJobs, besideJobController, newBatchJob } from '../stage/job-controller.ts'
import type { Place } from '../stage/place.ts'
import { PodWatch } from '../stage/pod-watch.ts'
import type { Stage } from '../stage/stage.ts'
import { type Rate, rateOf } from '../statistics.ts'
import { allPods } from './backlog.ts'

/** How long the Job controller is watched for further work. */
const quietMs = 1500

/** A drain by others than the operator. */
export interface OutsideDrain {
  rate: Rate
  /** Whole, in CPU seconds per 1,000 jobs. */
  cost: { client: number; server: number }
  peakRssMb: number
}

/** How many jobs do not count for rates, and how many do. */
interface Size {
  warmUp: number
  jobs: number
}

/** The client in Go: one small object and one small pod per job, 64 in flight. */
export async function drainFloor(stage: Stage, namespace: string, { warmUp, jobs }: Size): Promise<OutsideDrain> {
  const place = await stage.place(namespace)
  const begun = await stage.serverCpuSeconds()
  const { cpuSeconds, peakRssMb } = await runFloor(stage, place, { warmUp, jobs })
  const server = (await stage.serverCpuSeconds()) - begun
  return {
    rate: await ratePast(stage, place, warmUp),
    cost: per(warmUp + jobs, { client: cpuSeconds, server }),
    peakRssMb,
  }
}

/** The Job controller of Kubernetes, started with all Jobs existing, until their statuses are written. */
export async function drainJobs(stage: Stage, namespace: string, { warmUp, jobs }: Size): Promise<OutsideDrain> {
  const place = await stage.place(namespace)
  const made = warmUp + jobs
  const client = clientOf(stage, place)
  await inFlight(64, made, async () => void (await postJob(client, place)))
  await client.close()
  const watch = new PodWatch(stage, place)
  await watch.start()
  const begun = await stage.serverCpuSeconds()
  try {
    return await besideJobController(stage, async (usage) => {
      await allPods(stage, place, watch, made)
      await eventually(async () => (await statusWrites(stage, place)) >= made, {
        withinMs: 180_000,
        everyMs: 500,
        what: 'every Job has its status',
      })
      await sleep(quietMs)
      const { cpuSeconds, peakRssMb } = await usage()
      const server = (await stage.serverCpuSeconds()) - begun
      return { rate: await ratePast(stage, place, warmUp), cost: per(made, { client: cpuSeconds, server }), peakRssMb }
    })
  } finally {
    await watch.stop()
  }
}

/** Milliseconds from the response to an object until the response to its pod, by the client in Go, in an open loop. */
export async function floorLatency(
  stage: Stage,
  namespace: string,
  { perSecond, seconds }: Load,
  warmUp: number,
): Promise<number[]> {
  const place = await stage.place(namespace)
  const jobs = Math.round(perSecond * seconds)
  const { podMs } = await runFloor(stage, place, { warmUp, jobs, perSecond })
  return podMs
}

/** Milliseconds from the response to a Job until its pod is seen, in an open loop. */
export async function jobLatency(stage: Stage, namespace: string, load: Load, warmUp: number): Promise<number[]> {
  const place = await stage.place(namespace)
  const client = clientOf(stage, place)
  const watch = new PodWatch(stage, place)
  await watch.start()
  try {
    return await besideJobController(stage, async () => {
      await inFlight(64, warmUp, async () => void (await postJob(client, place)))
      await allPods(stage, place, watch, warmUp)
      await sleep(500)
      const answered = new Map<string, number>()
      const posts: Promise<void>[] = []
      for await (const _ of arrivals(load)) {
        posts.push(postJob(client, place).then((name) => void answered.set(name, performance.now())))
      }
      await Promise.all(posts)
      return await watch.untilSeen(answered)
    })
  } finally {
    await client.close()
    await watch.stop()
  }
}

function clientOf({ server, ca }: Stage, { token }: Place): BareClient {
  return new BareClient({ server, ca, token, userAgent: 'runnerhub-bench' })
}

async function postJob(client: BareClient, { namespace }: Place): Promise<string> {
  const job = newBatchJob(namespace)
  const body = await client.post(resourcePath(batchJobs, namespace), job)
  await body.dump()
  return job.metadata.name
}

async function statusWrites({ auditLog }: Stage, { namespace }: Place): Promise<number> {
  const writes = await readAuditLog(auditLog)
  return writes.filter(
    ({ resource, subresource, namespace: of, code }) =>
      of === namespace && resource === 'jobs' && subresource === 'status' && code < 300,
  ).length
}

async function ratePast({ auditLog }: Stage, { namespace }: Place, warmUp: number): Promise<Rate> {
  const times = podCreateTimes(await readAuditLog(auditLog), namespace)
  return rateOf(times.toSorted((a, b) => a - b).slice(warmUp))
}

function per(made: number, { client, server }: OutsideDrain['cost']): OutsideDrain['cost'] {
  return { client: (client / made) * 1000, server: (server / made) * 1000 }
}
