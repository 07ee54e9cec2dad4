import { runnerJobs } from '../../../src/api/runner-job.ts'
import { resourcePath } from '../../../src/kube/client/resource-path.ts'
import { BareClient, inFlight } from '../stage/bare-client.ts'
import { postObjects } from '../stage/floor.ts'
import { newJob } from '../stage/jobs.ts'
import { type Surroundings, surroundings } from '../stage/machine.ts'
import type { Place } from '../stage/place.ts'
import type { Shipped } from '../stage/shipped.ts'
import { onStage, type Stage } from '../stage/stage.ts'
import { difference, mean, quantile } from '../statistics.ts'
import { Facade } from './facade.ts'

const width = 64
/** Jobs of the warm-up: a process needs that many before its code is fully compiled, as it is in production. */
const warmUp = 1000

/** Accepted jobs per second, and milliseconds per job. */
interface Taken {
  rate: number
  p50: number
  p99: number
}

export interface DelegationResult {
  surroundings: Surroundings
  /** RunnerJobs posted to the API server, before and after, into the namespace that the operator watches meanwhile. */
  raw: Taken
  rawDifference: number
  /** The same jobs, posted to `POST /api/jobs/delegate`. */
  facade: Taken
  ratio: number
  /** RunnerJobs posted to the API server without an operator, and so without the cost of its watches. */
  unwatched: Taken
  /** The same by the client in Go, which also posts them into the namespace that the operator watches, per second. */
  floorRate: number
  ofFloor: number
  /** CPU seconds per 1,000 jobs. Other load of the machine changes them far less than it does rates. */
  cpu: { facade: number; server: number; serverRaw: number; watching: number }
}

/** Accepted jobs, and the cost for the API server and etcd: CPU seconds per 1,000 jobs. */
interface Paid {
  taken: Taken
  serverCpu: number
}

/** The cost for the operator, in CPU seconds per 1,000 jobs. */
interface Watched extends Paid {
  cpu: number
}

/**
 * Posts jobs, 64 in flight: to the API server, to the facade of an operator, and to the API server again, all into the
 * namespace of that operator. It watches all of them, as in production, so the ratio is the cost of the facade. The last
 * run has no operator.
 */
export function measureDelegations(jobs: number, shipped: Shipped): Promise<DelegationResult> {
  return onStage(async (stage) => {
    const around = surroundings()
    const [before, delegated, after, floorRate] = await watchedRuns(stage, jobs, shipped)
    const unwatched = await rawRun(stage, await stage.place('unwatched'), jobs)
    const of = (pick: (run: Watched) => number): number => mean([pick(before), pick(after)])
    const raw = {
      rate: of((run) => run.taken.rate),
      p50: of((run) => run.taken.p50),
      p99: of((run) => run.taken.p99),
    }
    return {
      surroundings: around,
      raw,
      rawDifference: difference(before.taken.rate, after.taken.rate),
      facade: delegated.taken,
      ratio: delegated.taken.rate / raw.rate,
      unwatched: unwatched.taken,
      floorRate,
      ofFloor: delegated.taken.rate / floorRate,
      cpu: {
        facade: delegated.cpu,
        server: delegated.serverCpu,
        serverRaw: of(({ serverCpu }) => serverCpu),
        watching: of(({ cpu }) => cpu),
      },
    }
  })
}

/** The runs that one operator watches; of the client in Go only the rate. */
async function watchedRuns(stage: Stage, jobs: number, shipped: Shipped): Promise<[Watched, Watched, Watched, number]> {
  const place = await stage.place('runnerhub')
  const facade = await Facade.start(stage, place, shipped, { connections: width })
  const raw = (): Promise<Paid> => rawRun(stage, place, jobs)
  const delegate = (): Promise<Paid> =>
    paid(stage, jobs, async (index) => void (await facade.delegate(newJob('', index).spec)))
  const watched = (run: () => Promise<Paid>): Promise<Watched> =>
    facade.during(async () => {
      const begun = await facade.cpuSeconds()
      const done = await run()
      return { ...done, cpu: perThousand((await facade.cpuSeconds()) - begun, jobs) }
    })
  try {
    const before = await watched(raw)
    const { metadata: _, ...object } = newJob(place.namespace, 0)
    const task = { resource: runnerJobs, object, jobs, warmUp }
    const { rate: floorBefore } = await facade.during(() => postObjects(stage, place, task))
    const delegated = await watched(delegate)
    const { rate: floorAfter } = await facade.during(() => postObjects(stage, place, task))
    return [before, delegated, await watched(raw), mean([floorBefore, floorAfter])]
  } finally {
    await facade.stop()
  }
}

async function rawRun(stage: Stage, { namespace, token }: Place, jobs: number): Promise<Paid> {
  const { server, ca } = stage
  const client = new BareClient({ server, ca, token, userAgent: 'runnerhub-raw-client/0.1.0' })
  const path = resourcePath(runnerJobs, namespace)
  try {
    return await paid(stage, jobs, async (index) => {
      const body = await client.post(path, newJob(namespace, index))
      await body.dump()
    })
  } finally {
    await client.close()
  }
}

async function paid(stage: Stage, jobs: number, post: (index: number) => Promise<void>): Promise<Paid> {
  const begun = await stage.serverCpuSeconds()
  const done = await taken(jobs, post)
  return { taken: done, serverCpu: perThousand((await stage.serverCpuSeconds()) - begun, jobs) }
}

/** For all jobs, including the warm-up. */
function perThousand(seconds: number, jobs: number): number {
  return (seconds / (jobs + warmUp)) * 1000
}

async function taken(jobs: number, post: (index: number) => Promise<void>): Promise<Taken> {
  await inFlight(width, warmUp, (index) => post(jobs + index))
  const times: number[] = []
  const begun = performance.now()
  await inFlight(width, jobs, async (index) => {
    const from = performance.now()
    await post(index)
    times.push(performance.now() - from)
  })
  const seconds = (performance.now() - begun) / 1000
  return { rate: jobs / seconds, p50: quantile(times, 0.5), p99: quantile(times, 0.99) }
}
