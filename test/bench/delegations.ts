import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Pool } from 'undici'
import { runnerJobs } from '../../src/api/runner-job.ts'
import { resourcePath } from '../../src/kube/resource-path.ts'
import { eventually } from '../eventually.ts'
import { CALLERS } from '../site/namespace.ts'
import { BareClient, inFlight } from './bare-client.ts'
import { freePort } from '../free-port.ts'
import { newJob } from './jobs.ts'
import { type Surroundings, surroundings } from './machine.ts'
import { Operator } from './operator.ts'
import type { Shipped } from './shipped.ts'
import { onStage, type Stage } from './stage.ts'
import { difference, mean, quantile } from './statistics.ts'

const width = 64
/** Jobs before it counts. A process takes that many before its code is compiled for good; in life it has long been. */
const warmUp = 1000
const token = 'token-of-the-benchmark'

/** How fast jobs were taken, in jobs per second, and how long one took, in milliseconds. */
interface Taken {
  rate: number
  p50: number
  p99: number
}

export interface DelegationResult {
  surroundings: Surroundings
  /** RunnerJobs posted to the API server, before and after. */
  raw: Taken
  rawDifference: number
  /** The same jobs, posted to `POST /api/jobs/delegate`. */
  facade: Taken
  ratio: number
  /** CPU seconds per 1,000 jobs. Other load of the machine changes them far less than it does rates. */
  cpu: { facade: number; server: number; serverRaw: number }
}

/** What was taken, and what it cost the API server and etcd: CPU seconds per 1,000 jobs. */
interface Paid {
  taken: Taken
  serverCpu: number
}

/** Posts so many jobs, 64 in flight: to the API server, to the facade of an operator, and to the API server again. */
export function measureDelegations(jobs: number, shipped: Shipped): Promise<DelegationResult> {
  return onStage(async (stage) => {
    const around = surroundings()
    const before = await rawRun(stage, 'raw-before', jobs)
    const facade = await facadeRun(stage, jobs, shipped)
    const after = await rawRun(stage, 'raw-after', jobs)
    const of = (pick: (run: Paid) => number): number => mean([pick(before), pick(after)])
    const raw = {
      rate: of((run) => run.taken.rate),
      p50: of((run) => run.taken.p50),
      p99: of((run) => run.taken.p99),
    }
    return {
      surroundings: around,
      raw,
      rawDifference: difference(before.taken.rate, after.taken.rate),
      facade: facade.taken,
      ratio: facade.taken.rate / raw.rate,
      cpu: { facade: facade.cpu, server: facade.serverCpu, serverRaw: of(({ serverCpu }) => serverCpu) },
    }
  })
}

async function rawRun(stage: Stage, namespace: string, jobs: number): Promise<Paid> {
  const { server, ca } = stage
  const client = new BareClient({
    server,
    ca,
    token: (await stage.place(namespace)).token,
    userAgent: 'runnerhub-raw-client/0.1.0',
  })
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

async function facadeRun(stage: Stage, jobs: number, shipped: Shipped): Promise<Paid & { cpu: number }> {
  const place = await stage.place('runnerhub')
  const port = await freePort()
  const tokenFile = join(place.serviceAccountDirectory, 'tokens.csv')
  await writeFile(tokenFile, `${token},bench,bench-uid,"${CALLERS}"\n`)
  const settings = { ROLES: 'facade', HTTP_PORT: String(port), TOKEN_FILE: tokenFile, RATE_LIMIT_MAX: '1000000000' }
  const operator = await Operator.start(stage, place, shipped, settings)
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: width })
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const delegate = async (index: number): Promise<void> => {
    const body = JSON.stringify(newJob('', index).spec)
    const answer = await pool.request({ method: 'POST', path: '/api/jobs/delegate', headers, body })
    const text = await answer.body.text()
    if (answer.statusCode !== 201) throw new Error(`HTTP ${answer.statusCode}: ${text}`)
  }
  try {
    await operator.during(eventually(() => isReady(pool), { what: 'the facade to be ready' }))
    const begun = await operator.usage()
    const done = await operator.during(paid(stage, jobs, delegate))
    const { cpuSeconds } = await operator.usage()
    return { ...done, cpu: perThousand(cpuSeconds - begun.cpuSeconds, jobs) }
  } finally {
    await pool.close()
    await operator.stop()
  }
}

async function paid(stage: Stage, jobs: number, post: (index: number) => Promise<void>): Promise<Paid> {
  const begun = await stage.serverCpuSeconds()
  const done = await taken(jobs, post)
  return { taken: done, serverCpu: perThousand((await stage.serverCpuSeconds()) - begun, jobs) }
}

/** Of all jobs, those of the warm-up too. */
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

async function isReady(pool: Pool): Promise<boolean> {
  const answer = await pool.request({ method: 'GET', path: '/health' }).catch(() => undefined)
  await answer?.body.dump()
  return answer?.statusCode === 200
}
