import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { pods } from '../../../src/api/pod.ts'
import { command } from '../../processes/command.ts'
import { podCreateTimes, readAuditLog } from '../stage/audit-log.ts'
import { type Surroundings, surroundings } from '../stage/machine.ts'
import { admitOutsiders } from '../stage/floor.ts'
import { Operator } from '../stage/operator.ts'
import { demandOneEach, type PodCounts } from '../stage/pod-counts.ts'
import { PodWatch } from '../stage/pod-watch.ts'
import type { Shipped } from '../stage/shipped.ts'
import { onStage, type Stage } from '../stage/stage.ts'
import { accountOf, type WriteAccount } from '../stage/write-account.ts'
import { difference, mean, type Rate, rateOf } from '../statistics.ts'
import { allAssigned, allPods, countOf, createJobs } from './backlog.ts'
import { drainFloor, drainJobs, type OutsideDrain } from './outside.ts'

/** Objects of the warm-up, for both clients and the API server. */
const warmUp = 300
/** How long the audit log is watched for needless writes of the operator. */
const quietMs = 1500

export interface DrainResult {
  surroundings: Surroundings
  rawBefore: Rate
  rawAfter: Rate
  /** Difference of the raw runs. */
  rawDifference: number
  /** In CPU seconds per 1,000 jobs. */
  rawCost: Cost
  operator: OperatorDrain
  /** The operator's rate as a share of the mean raw rate. */
  ratio: Rate
  /** The client in Go, before and after. */
  floor: [OutsideDrain, OutsideDrain]
  /** The Job controller of Kubernetes. */
  jobController: OutsideDrain
  /** Rates as shares of the mean rate of the client in Go. */
  ofFloor: { operator: number; jobController: number }
}

/** CPU for all objects, including the warm-up. Other load of the machine changes it far less than rates. */
export interface Cost {
  /** The client process. */
  client: number
  /** The API server and etcd. */
  server: number
}

export interface OperatorDrain {
  rate: Rate
  /** From the start of the process to the first pod. */
  secondsToFirstPod: number
  writes: WriteAccount
  /** Until the last pod is there, in CPU seconds per 1,000 jobs. */
  cost: Cost
  /** The same when it had nothing left to do. */
  quietCost: Cost
  peakRssMb: number
  counted: PodCounts
}

/** One drain on a fresh control plane: raw client and floor, operator, Job controller, floor and raw client. */
export function measureDrain(jobs: number, shipped: Shipped): Promise<DrainResult> {
  return onStage(async (stage) => {
    const around = surroundings()
    await admitOutsiders(stage)
    const size = { warmUp, jobs }
    const before = await rawRun(stage, 'raw-before', jobs)
    const floorBefore = await drainFloor(stage, 'floor-before', size)
    const operator = await operatorRun(stage, jobs, shipped)
    const jobController = await drainJobs(stage, 'job-controller', size)
    const floorAfter = await drainFloor(stage, 'floor-after', size)
    const after = await rawRun(stage, 'raw-after', jobs)
    const floorRate = mean([floorBefore.rate.overall, floorAfter.rate.overall])
    const ratio = (kind: keyof Rate): number => operator.rate[kind] / mean([before.rate[kind], after.rate[kind]])
    return {
      surroundings: around,
      rawBefore: before.rate,
      rawAfter: after.rate,
      rawDifference: difference(before.rate.overall, after.rate.overall),
      rawCost: {
        client: mean([before.cost.client, after.cost.client]),
        server: mean([before.cost.server, after.cost.server]),
      },
      operator,
      floor: [floorBefore, floorAfter],
      jobController,
      ofFloor: {
        operator: operator.rate.overall / floorRate,
        jobController: jobController.rate.overall / floorRate,
      },
      ratio: { overall: ratio('overall'), middle: ratio('middle') },
    }
  })
}

interface RawRun {
  rate: Rate
  cost: Cost
}

async function rawRun(stage: Stage, namespace: string, jobs: number): Promise<RawRun> {
  const place = await stage.place(namespace)
  const watch = new PodWatch(stage, place)
  await watch.start()
  const made = jobs + warmUp
  const program = fileURLToPath(import.meta.resolve('./raw-drain.ts'))
  const given = [stage.server, stage.ca, place.token, JSON.stringify(place.pool), String(made)]
  const spent = await meter(stage)
  const client = Number(await command(process.execPath, program, ...given))
  const server = await spent()
  await watch.stop()
  const times = podCreateTimes(await readAuditLog(stage.auditLog), namespace)
  return { rate: rateAfterWarmUp(times), cost: costOf({ client, server }, made) }
}

/** Starts to measure the CPU seconds of the control plane. */
async function meter(stage: Stage): Promise<() => Promise<number>> {
  const begun = await stage.serverCpuSeconds()
  return async () => (await stage.serverCpuSeconds()) - begun
}

function costOf({ client, server }: Cost, made: number): Cost {
  return { client: (client / made) * 1000, server: (server / made) * 1000 }
}

/** The operator, started with all jobs existing, until it has nothing left to do. */
async function operatorRun(stage: Stage, jobs: number, shipped: Shipped): Promise<OperatorDrain> {
  const made = jobs + warmUp
  const place = await stage.place('runnerhub')
  await createJobs(stage, place, made)
  const watch = new PodWatch(stage, place)
  await watch.start()
  const spent = await meter(stage)
  const begunMs = performance.timeOrigin + performance.now()
  const operator = await Operator.start(stage, place, shipped)
  try {
    await operator.during(allPods(stage, place, watch, made))
    const [busy, server] = await Promise.all([operator.usage(), spent()])
    await operator.during(allAssigned(stage, place))
    await sleep(quietMs)
    const [quiet, quietServer] = await Promise.all([operator.usage(), spent()])
    const listed = await countOf(stage.admin, pods, place)
    const writes = await readAuditLog(stage.auditLog)
    const times = podCreateTimes(writes, place.namespace)
    const counted = demandOneEach({ audit: times.length, watch: watch.count, listed }, made)
    return {
      rate: rateAfterWarmUp(times),
      secondsToFirstPod: (Math.min(...times) - begunMs) / 1000,
      writes: accountOf(writes, place.namespace, made),
      cost: costOf({ client: busy.cpuSeconds, server }, made),
      quietCost: costOf({ client: quiet.cpuSeconds, server: quietServer }, made),
      peakRssMb: quiet.peakRssMb,
      counted,
    }
  } finally {
    await operator.stop()
    await watch.stop()
  }
}

function rateAfterWarmUp(timesMs: number[]): Rate {
  return rateOf(timesMs.toSorted((a, b) => a - b).slice(warmUp))
}
