import { setTimeout as sleep } from 'node:timers/promises'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Pool } from 'undici'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { runnerPools } from '../../../src/api/runner-pool.ts'
import { StandInKubelet } from '../../kubelet/kubelet.ts'
import { makeNode } from '../../kubelet/node.ts'
import { succeedsAtOnce } from '../../kubelet/script.ts'
import { samplesOf } from '../../objects/samples.ts'
import { freePort } from '../../processes/free-port.ts'
import { CALLERS } from '../../site/namespace.ts'
import { arrivals } from '../stage/arrivals.ts'
import type { BareClient } from '../stage/bare-client.ts'
import { type Surroundings, surroundings } from '../stage/machine.ts'
import { Operator } from '../stage/operator.ts'
import type { Place } from '../stage/place.ts'
import { PodWatch } from '../stage/pod-watch.ts'
import type { Shipped } from '../stage/shipped.ts'
import { onStage, type Stage } from '../stage/stage.ts'
import { difference, quantile } from '../statistics.ts'
import { allFinished, countOf, createFinishedJobs, createJobs } from './backlog.ts'
import { clientOf, type Latency, latencyOf, postJob } from './latency.ts'

const PER_SECOND = 10
const WARM_UP = 300
/** How many finished jobs the pool keeps while the others are deleted. */
const KEPT = 100
const SAMPLE_MS = 500
/** Longest deletion that is waited for: none may starve. */
const LONGEST_S = 130

/** What the deletion of many finished jobs costs the jobs that arrive meanwhile. */
export interface RetentionResult {
  surroundings: Surroundings
  /** Number of finished jobs that are deleted. */
  deleted: number
  rate: number
  /** From the response to the create of a job until a watch shows its pod. */
  during: Latency
  /** The same without a deletion: half before and half after. */
  alone: Latency
  /** Difference of the medians of the two halves. */
  rawDifference: number
  /** The latency during the deletion, of that without one. */
  ratio: { p50: number; p99: number }
  /** From the change of the pool until the finished jobs are gone; undefined if some were left after LONGEST_S. */
  deletionSeconds: number | undefined
  /** The longest time that it may take. */
  mostSeconds: number
  totals: Totals
  /** Jobs whose pods were not seen within a minute. */
  unseen: number
}

/** What scrapes of the metrics show during the deletion. */
interface Totals {
  scrapes: number
  /** Values of counters that were lower than in an earlier scrape. */
  falls: number
}

/** Jobs arrive at a constant rate: alone, while the operator deletes finished jobs of their pool, and alone again. */
export function measureRetention(deleted: number, seconds: number, shipped: Shipped): Promise<RetentionResult> {
  return onStage(async (stage) => {
    const around = surroundings()
    const place = await stage.place('runnerhub')
    await makeNode(stage.admin)
    await createFinishedJobs(stage, place, deleted)
    const kubelet = new StandInKubelet(stage.connection, place.namespace)
    kubelet.onPod(() => succeedsAtOnce())
    await kubelet.start()
    // Runners and pods go after their job.
    await stage.controllerManager.start('--controllers=garbagecollector')
    const port = await freePort()
    const operator = await Operator.start(stage, place, shipped, await settingsFor(place, port))
    try {
      const measured = await operator.during(measureWith(stage, place, { seconds, port }))
      return { surroundings: around, deleted, rate: PER_SECOND, ...measured }
    } finally {
      await operator.stop()
      await stage.controllerManager.stop()
      await kubelet.stop()
    }
  })
}

const token = 'bench'

async function settingsFor({ serviceAccountDirectory }: Place, port: number): Promise<Record<string, string>> {
  const tokens = join(serviceAccountDirectory, 'tokens.csv')
  await writeFile(tokens, `${token},bench,bench,"${CALLERS}"\n`)
  return { HTTP_PORT: String(port), TOKEN_FILE: tokens, RATE_LIMIT_MAX: '1000000' }
}

type Measured = Omit<RetentionResult, 'surroundings' | 'deleted' | 'rate'>

async function measureWith(
  stage: Stage,
  place: Place,
  { seconds, port }: { seconds: number; port: number },
): Promise<Measured> {
  const client = clientOf(stage, place, 'runnerhub-bench')
  const watch = new PodWatch(stage, place)
  await watch.start()
  try {
    await createJobs(stage, place, WARM_UP)
    await allFinished(stage, place)
    const load = { client, place, watch, unseen: { count: 0 } }
    const before = await arrivingFor(seconds / 2, load)
    await limitFinished(stage, place, KEPT)
    const isOver = new AbortController()
    const created = { count: WARM_UP + before.length }
    const deletion = deletionOf(stage, place, created).finally(() => isOver.abort())
    const [during, totals, deletionSeconds] = await Promise.all([
      arrivingFor(2 * LONGEST_S, { ...load, created }, isOver.signal).then(latencyOf),
      scrapedTotals(port, isOver.signal),
      deletion,
    ])
    await limitFinished(stage, place, null)
    const after = await arrivingFor(seconds / 2, load)
    const alone = latencyOf([...before, ...after])
    return {
      during,
      alone,
      rawDifference: difference(quantile(before, 0.5), quantile(after, 0.5)),
      ratio: { p50: during.p50 / alone.p50, p99: during.p99 / alone.p99 },
      deletionSeconds,
      mostSeconds: LONGEST_S,
      totals,
      unseen: load.unseen.count,
    }
  } finally {
    await client.close()
    await watch.stop()
  }
}

interface Arriving {
  client: BareClient
  place: Place
  watch: PodWatch
  /** Counts the jobs whose pods were not seen. */
  unseen: { count: number }
  /** Counts the jobs that are created. */
  created?: { count: number }
}

/** Creates jobs for some seconds, or until a signal; how long each took until its pod was seen. */
async function arrivingFor(
  seconds: number,
  { client, place, watch, unseen, created = { count: 0 } }: Arriving,
  until?: AbortSignal,
): Promise<number[]> {
  const answered = new Map<string, number>()
  const posts: Promise<void>[] = []
  for await (const index of arrivals({ perSecond: PER_SECOND, seconds })) {
    if (until?.aborted === true) break
    posts.push(postJob(client, place, index, answered).then(() => void (created.count += 1)))
  }
  await Promise.all(posts)
  const latencies = await watch.untilSeen(answered).catch(() => watch.seen(answered))
  unseen.count += answered.size - latencies.length
  return latencies
}

async function limitFinished({ admin }: Stage, { namespace, pool }: Place, limit: number | null): Promise<void> {
  const key = { namespace, name: pool.metadata.name }
  await admin.patchMerge(runnerPools, key, { spec: { finishedJobsLimit: limit } }, new AbortController().signal)
}

/**
 * The seconds until no more jobs exist than the load has created: the oldest go first, and these are the ones that had
 * finished before.
 */
async function deletionOf(
  { admin }: Stage,
  { namespace }: Place,
  created: { count: number },
): Promise<number | undefined> {
  const begun = performance.now()
  for (;;) {
    const most = created.count
    const seconds = (performance.now() - begun) / 1000
    if ((await countOf(admin, runnerJobs, { namespace })) <= most) return seconds
    if (seconds > LONGEST_S) return undefined
    await sleep(SAMPLE_MS)
  }
}

/** Scrapes the metrics until a signal, and compares each counter with its highest value. */
async function scrapedTotals(port: number, until: AbortSignal): Promise<Totals> {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 1 })
  const highest = new Map<string, number>()
  const totals = { scrapes: 0, falls: 0 }
  try {
    while (!until.aborted) {
      const counters = await countersOf(pool)
      totals.scrapes += 1
      totals.falls += counters.filter(([series, value]) => value < (highest.get(series) ?? 0)).length
      for (const [series, value] of counters) highest.set(series, Math.max(value, highest.get(series) ?? 0))
      await sleep(SAMPLE_MS)
    }
  } finally {
    await pool.close()
  }
  return totals
}

async function countersOf(pool: Pool): Promise<[series: string, value: number][]> {
  const headers = { authorization: `Bearer ${token}` }
  const { statusCode, body } = await pool.request({ method: 'GET', path: '/api/metrics', headers })
  const text = await body.text()
  if (statusCode !== 200) throw new Error(`/api/metrics: ${statusCode} ${text}`)
  return [...samplesOf(text)].filter(([series]) => /^github_runnerhub_\w+_(?:total|count|sum|bucket)\b/.test(series))
}
