import { setTimeout as sleep } from 'node:timers/promises'
import { configMaps } from '../../../src/api/config-map.ts'
import { LOG_LABEL } from '../../../src/api/names.ts'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { StandInKubelet } from '../../kubelet/kubelet.ts'
import { type NodeLogs, serveLogs } from '../../kubelet/logs.ts'
import { makeNode } from '../../kubelet/node.ts'
import { exited, runs } from '../../kubelet/script.ts'
import { eventually } from '../../observe/eventually.ts'
import { type Surroundings, surroundings } from '../stage/machine.ts'
import { Operator } from '../stage/operator.ts'
import type { Place } from '../stage/place.ts'
import type { Shipped } from '../stage/shipped.ts'
import { onStage, type Stage } from '../stage/stage.ts'
import { createJobs } from './backlog.ts'

/** For how long each of the two is measured. */
const WINDOW_S = 60

/** What runs while pods run. */
export interface Running {
  /** CPU seconds per minute, and memory at the end in MB. */
  operator: { cpu: number; rssMb: number }
  apiServer: { cpu: number; rssMb: number }
}

/** The cost of reading the logs of running pods. */
export interface CaptureResult {
  pods: number
  surroundings: Surroundings
  /** The same pods, whose logs nobody reads. */
  unread: Running
  read: Running
  /** How long the last log took from the end of its container to its ConfigMap, in seconds, if all end at once. */
  storedInSeconds: number
}

/** Runs pods that each write a line a second: first with an operator that keeps no logs, then with one that does. */
export function measureCaptures(count: number, shipped: Shipped): Promise<CaptureResult> {
  return onStage(async (stage) => {
    const around = surroundings()
    const place = await stage.place('runnerhub')
    await makeNode(stage.admin)
    const logs = await serveLogs(stage.admin)
    const kubelet = new StandInKubelet(stage.connection, place.namespace)
    const stop = new AbortController()
    try {
      kubelet.onPod(() => runs())
      await kubelet.start()
      await createJobs(stage, place, count)
      const unread = await withOperator({ stage, place, shipped, archive: 'none' }, async (operator) => {
        await eventually(() => areRunning(stage, place, count), {
          withinMs: 300_000,
          everyMs: 1000,
          what: 'all to run',
        })
        void write(logs, kubelet, stop.signal)
        return runningFor(stage, operator)
      })
      return await withOperator({ stage, place, shipped, archive: 'cluster' }, async (operator) => {
        const names = [...kubelet.pods.list()].map(({ metadata: { name } }) => name)
        const areRead = () => names.every((name) => logs.readers(name) > 0)
        await eventually(areRead, { withinMs: 120_000, everyMs: 250, what: 'all logs to be read' })
        const read = await runningFor(stage, operator)
        stop.abort()
        const begun = performance.now()
        for (const name of names) logs.end(name)
        await Promise.all(names.map((name) => kubelet.apply(name, (pod) => exited(pod, 0))))
        const areStored = async () => (await storedLogs(stage, place)) === count
        await eventually(areStored, { withinMs: 120_000, everyMs: 250, what: 'all logs to be stored' })
        return { pods: count, surroundings: around, unread, read, storedInSeconds: (performance.now() - begun) / 1000 }
      })
    } finally {
      stop.abort()
      await kubelet.stop()
      await logs.close()
    }
  })
}

interface With {
  stage: Stage
  place: Place
  shipped: Shipped
  archive: 'none' | 'cluster'
}

async function withOperator<R>(
  { stage, place, shipped, archive }: With,
  use: (operator: Operator) => Promise<R>,
): Promise<R> {
  const operator = await Operator.start(stage, place, shipped, { LOG_ARCHIVE: archive })
  try {
    return await operator.during(use(operator))
  } finally {
    await operator.stop()
  }
}

async function areRunning({ admin }: Stage, { namespace }: Place, count: number): Promise<boolean> {
  // Without a limit the API server counts no remaining items of a field selector.
  const { items } = await admin.listPage(runnerJobs, namespace, { fieldSelector: 'status.phase=Running' }, forever)
  return items.length === count
}

const forever = new AbortController().signal

/** The number of logs in the archive. */
async function storedLogs({ admin }: Stage, { namespace }: Place): Promise<number> {
  const { items } = await admin.listMetadataPage(configMaps, namespace, { labelSelector: LOG_LABEL }, forever)
  return items.length
}

/** Each pod writes a line a second, all spread over it. */
async function write(logs: NodeLogs, kubelet: StandInKubelet, signal: AbortSignal): Promise<void> {
  for (let tick = 0; !signal.aborted; tick += 1) {
    for (const [index, { metadata }] of [...kubelet.pods.list()].entries()) {
      if (index % 10 === tick % 10)
        logs.write(metadata.name, `[INFO] step ${tick}: compiling module ${index}`, new Date())
    }
    await sleep(100)
  }
}

async function runningFor({ usage }: Stage, operator: Operator): Promise<Running> {
  const before = { operator: await operator.usage(), apiServer: await usage('kube-apiserver') }
  await sleep(WINDOW_S * 1000)
  const after = { operator: await operator.usage(), apiServer: await usage('kube-apiserver') }
  const of = (part: 'operator' | 'apiServer') => ({
    cpu: after[part].cpuSeconds - before[part].cpuSeconds,
    rssMb: after[part].rssMb,
  })
  return { operator: of('operator'), apiServer: of('apiServer') }
}
