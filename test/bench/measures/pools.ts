import { type RunnerJob, runnerJobs } from '../../../src/api/runner-job.ts'
import { type RunnerPool, runnerPools } from '../../../src/api/runner-pool.ts'
import type { KubeObject } from '../../../src/api/object.ts'
import { StandInKubelet } from '../../kubelet/kubelet.ts'
import { makeNode } from '../../kubelet/node.ts'
import { succeedsAtOnce } from '../../kubelet/script.ts'
import { isPodCreate, readAuditLog, type Write } from '../stage/audit-log.ts'
import { type Surroundings, surroundings } from '../stage/machine.ts'
import { Operator } from '../stage/operator.ts'
import type { Place } from '../stage/place.ts'
import type { Shipped } from '../stage/shipped.ts'
import { onStage, type Stage } from '../stage/stage.ts'
import { accountOf, type WriteAccount } from '../stage/write-account.ts'
import { difference, jain, mean, quantile, rateOf } from '../statistics.ts'
import { allFinished, createJobs } from './backlog.ts'

const POOLS = 3
const REPOSITORIES = 20
/** Jobs of a first run that does not count, for the API server. */
const WARM_UP = 300

/** Wide enough that places alone do not set the rate, and few enough that long queues wait for them. */
const limits = {
  maxRunners: 100,
  perRepository: { maxRunning: 60, weights: [{ repository: nameOf(0), weight: 2 }] },
  priorities: [{ event: 'release', priority: 10 }],
} satisfies Partial<RunnerPool['spec']>
const noLimits = { maxRunners: 100_000 } satisfies Partial<RunnerPool['spec']>

/** One drain with pods that end at once. */
export interface PoolsRun {
  /** Jobs that end, per second. */
  rate: number
  /** From the start of the operator to the create of the job's pod, in seconds. */
  wait: { p50: number; p99: number }
  /** The wait of the repository that waited longest. */
  longest: { p50: number; p99: number }
  writes: WriteAccount
}

export interface PoolsResult {
  surroundings: Surroundings
  jobs: number
  repositories: number
  pools: number
  freeBefore: PoolsRun
  freeAfter: PoolsRun
  /** Difference of the runs without limits. */
  rawDifference: number
  limited: PoolsRun
  /** Its rate as a share of the mean rate without limits. */
  ratio: number
  /**
   * Jain's index of the jobs of each repository that have ended, by its weight, when the first repository has no more
   * waiting jobs: the lowest of the pools.
   */
  fairness: number
}

/** Drains the jobs of many repositories through several pools: without limits, with all of them, and without again. */
export function measurePools(jobs: number, shipped: Shipped): Promise<PoolsResult> {
  return onStage(async (stage) => {
    const around = surroundings()
    await makeNode(stage.admin)
    await drained(stage, shipped, { namespace: 'warm-up', jobs: WARM_UP, spec: noLimits })
    const before = await drained(stage, shipped, { namespace: 'free-before', jobs, spec: noLimits })
    const limited = await drained(stage, shipped, { namespace: 'runnerhub', jobs, spec: limits })
    const after = await drained(stage, shipped, { namespace: 'free-after', jobs, spec: noLimits })
    return {
      surroundings: around,
      jobs,
      repositories: REPOSITORIES,
      pools: POOLS,
      freeBefore: before.run,
      freeAfter: after.run,
      rawDifference: difference(before.run.rate, after.run.rate),
      limited: limited.run,
      ratio: limited.run.rate / mean([before.run.rate, after.run.rate]),
      fairness: Math.min(...poolNames.map((pool) => fairnessOf(limited.lives.filter((life) => life.pool === pool)))),
    }
  })
}

interface Drain {
  namespace: string
  jobs: number
  spec: Partial<RunnerPool['spec']>
}

async function drained(
  stage: Stage,
  shipped: Shipped,
  { namespace, jobs, spec }: Drain,
): Promise<{ run: PoolsRun; lives: Life[] }> {
  const place = await stage.place(namespace)
  await makePools(stage, place, spec)
  await createJobs(stage, place, jobs, factsOf)
  const kubelet = new StandInKubelet(stage.connection, namespace)
  kubelet.onPod(() => succeedsAtOnce())
  await kubelet.start()
  const begunMs = performance.timeOrigin + performance.now()
  const operator = await Operator.start(stage, place, shipped)
  try {
    await operator.during(allFinished(stage, place))
  } finally {
    await operator.stop()
    await kubelet.stop()
  }
  const writes = await readAuditLog(stage.auditLog)
  const { items } = await stage.admin.listPage(runnerJobs, namespace, {}, new AbortController().signal)
  const lives = livesOf(items, writes)
  const waitOf = (some: readonly Life[]) => {
    const waits = some.map(({ podMs }) => (podMs - begunMs) / 1000)
    return { p50: quantile(waits, 0.5), p99: quantile(waits, 0.99) }
  }
  const byRepository = [...Map.groupBy(lives, ({ repository }) => repository).values()].map(waitOf)
  const run = {
    rate: rateOf(lives.map(({ endMs }) => endMs)).overall,
    wait: waitOf(lives),
    longest: {
      p50: Math.max(...byRepository.map(({ p50 }) => p50)),
      p99: Math.max(...byRepository.map(({ p99 }) => p99)),
    },
    writes: accountOf(writes, namespace, jobs),
  }
  return { run, lives }
}

const poolNames = Array.from({ length: POOLS }, (_, index) => `pool-${index}`)

async function makePools({ admin }: Stage, { pool }: Place, spec: Partial<RunnerPool['spec']>): Promise<void> {
  const { namespace = '' } = pool.metadata
  for (const name of poolNames) {
    const object = {
      apiVersion: 'runnerhub.dev/v1',
      kind: 'RunnerPool',
      metadata: { name, namespace },
      spec: { ...pool.spec, ...spec, labels: [name] },
    }
    await admin.create(runnerPools, object, new AbortController().signal)
  }
}

/** Half of the jobs of each pool are of one repository. One in ten is urgent. */
function factsOf(index: number): Partial<RunnerJob['spec']> {
  const inPool = Math.floor(index / POOLS)
  const repository = inPool % 2 === 0 ? 0 : 1 + (Math.floor(inPool / 2) % (REPOSITORIES - 1))
  return {
    repository: nameOf(repository),
    labels: [poolNames[index % POOLS] ?? ''],
    eventName: index % 10 === 0 ? 'release' : 'push',
  }
}

function nameOf(repository: number): string {
  return `example-organisation/service-${repository}`
}

/** What happened to a job, by the API server's clock. */
interface Life {
  repository: string
  pool: string
  isUrgent: boolean
  podMs: number
  endMs: number
}

/** Throws if a job has no pod, more than one, or has not succeeded. */
function livesOf(jobs: readonly RunnerJob[], writes: readonly Write[]): Life[] {
  const creates = Map.groupBy(writes.filter(isPodCreate), nameIn)
  const statuses = Map.groupBy(
    writes.filter(({ resource, subresource, code }) => resource === 'runnerjobs' && subresource !== '' && code < 300),
    nameIn,
  )
  return jobs.map(({ metadata, spec, status }) => {
    const [pod, ...more] = creates.get(nameIn({ ...metadata, name: `${metadata.name}-1` })) ?? []
    const endMs = Math.max(...(statuses.get(nameIn(metadata)) ?? []).map(({ answeredMs }) => answeredMs))
    if (pod === undefined || more.length > 0 || status.phase !== 'Completed')
      throw new Error(`${metadata.name} is ${status.phase} and had ${more.length + (pod === undefined ? 0 : 1)} pods`)
    const { repository, eventName, labels: [pool = ''] = [] } = spec
    return { repository, pool, isUrgent: eventName === 'release', podMs: pod.answeredMs, endMs }
  })
}

function nameIn({ namespace = '', name }: Pick<KubeObject['metadata'], 'namespace' | 'name'>): string {
  return `${namespace}/${name}`
}

/** Of the jobs of one pool that have no priority. */
function fairnessOf(lives: readonly Life[]): number {
  const byRepository = Map.groupBy(
    lives.filter(({ isUrgent }) => !isUrgent),
    ({ repository }) => repository,
  )
  const emptyMs = Math.min(...[...byRepository.values()].map((all) => Math.max(...all.map(({ podMs }) => podMs))))
  const shares = [...byRepository].map(([repository, all]) => {
    const { weight } = limits.perRepository.weights.find((each) => each.repository === repository) ?? { weight: 1 }
    return all.filter(({ endMs }) => endMs <= emptyMs).length / weight
  })
  return jain(shares)
}
