import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pool } from 'undici'
import { asObject } from '../../../src/kube/client/parse.ts'
import { s3Account, startS3 } from '../../processes/s3-server.ts'
import { Served } from '../served/child.ts'
import { archivedJob, copyLongLog, type LongLog, longLogAttempt, storeAt, writeLongLog } from '../stage/long-log.ts'
import { type Surroundings, surroundings } from '../stage/machine.ts'
import type { Shipped } from '../stage/shipped.ts'
import { quantile } from '../statistics.ts'

/** Durations in milliseconds. */
interface Times {
  p50: number
  p99: number
}

/** Reading a long log from the archive by REST. */
export interface LogResult {
  store: 'volume' | 's3'
  surroundings: Surroundings
  log: LongLog
  /** The very first request of the process, in milliseconds. */
  first: number
  /** The last 1,000 lines. */
  tail: Times
  /** CPU of the facade for it, in milliseconds. Other load of the machine changes it far less than times. */
  tailCpu: number
  /** The last part of the log, read from the store and not unpacked. */
  raw: Times
  /** 1,000 lines at any place. */
  page: Times
  /** 64 KiB at any place, by the header Range. */
  range: Times
  peakRssMb: number
}

const requests = 200
const warmUp = 20
const lastLines = 1000
const rangeBytes = 64 * 1024
const forever = new AbortController().signal

/** Archives a log of so many MiB on a volume and in a bucket, and reads parts of it. */
export async function measureLogs(mib: number, shipped: Shipped): Promise<LogResult[]> {
  const folder = await mkdtemp(join(tmpdir(), 'runnerhub-bench-logs-'))
  const server = await startS3()
  Object.assign(process.env, s3Account)
  try {
    const log = await writeLongLog(storeAt(folder), mib)
    await copyLongLog(storeAt(folder), storeAt(server.endpoint))
    const bucket = storeAt(server.endpoint)
    const file = join(folder, 'ns', longLogAttempt.jobUid, longLogAttempt.podUid, 'end.gz')
    return [
      await measureStore('volume', { place: folder, raw: () => readFile(file), log }, shipped),
      await measureStore(
        's3',
        { place: server.endpoint, raw: () => bucket.get(longLogAttempt, 'end', forever), log },
        shipped,
      ),
    ]
  } finally {
    for (const name of Object.keys(s3Account)) delete process.env[name]
    await server.close()
    await rm(folder, { recursive: true, force: true })
  }
}

interface Archived {
  place: string
  /** Reads the last part from the store. */
  raw: () => Promise<unknown>
  log: LongLog
}

async function measureStore(
  store: LogResult['store'],
  { place, raw, log }: Archived,
  shipped: Shipped,
): Promise<LogResult> {
  const around = surroundings()
  const served = await Served.start('log-server.ts', [place], shipped)
  const pool = new Pool(`http://127.0.0.1:${served.port}`, { connections: 1 })
  try {
    const tailOf = () => read(pool, `?tail=${lastLines}`, {}, lastLines)
    const first = await timeOf(tailOf)
    const before = await served.usage()
    const [tail, raws] = await alternately(tailOf, raw)
    const spent = (await served.usage()).cpuSeconds - before.cpuSeconds
    const tailCpu = (spent * 1000) / (requests + warmUp)
    const page = await repeatedly(() => {
      const offset = Math.floor(Math.random() * (log.lines - lastLines))
      return read(pool, `?offset=${offset}&limit=${lastLines}`, {}, lastLines)
    })
    const range = await repeatedly(() => {
      const from = Math.floor(Math.random() * (log.bytes - rangeBytes))
      return read(pool, '', { range: `bytes=${from}-${from + rangeBytes - 1}` })
    })
    const { peakRssMb } = await served.usage()
    return { store, surroundings: around, log, first, tail, tailCpu, raw: raws, page, range, peakRssMb }
  } finally {
    await pool.close()
    await served.stop()
  }
}

/** Reads a part of the log and checks how much came: so many lines, or the bytes of a range. */
async function read(pool: Pool, query: string, more: Record<string, string>, lines?: number): Promise<void> {
  const path = `/api/jobs/${archivedJob.metadata.name}/logs${query}`
  const headers = { authorization: 'Bearer bench', ...more }
  const { statusCode, body } = await pool.request({ method: 'GET', path, headers })
  const text = await body.text()
  const isRight =
    lines === undefined
      ? statusCode === 206 && text.length === rangeBytes
      : String(asObject(asObject(JSON.parse(text))['data'])['logs']).split('\n').length === lines + 1
  if (!isRight) throw new Error(`${path}: ${statusCode} ${text.slice(0, 300)}`)
}

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await work()
  return performance.now() - begun
}

async function repeatedly(work: () => Promise<unknown>): Promise<Times> {
  return timesOf(await measured(work))
}

/** Both in turn, so that the machine is the same for both. */
async function alternately(one: () => Promise<unknown>, other: () => Promise<unknown>): Promise<[Times, Times]> {
  const [ones, others]: [number[], number[]] = [[], []]
  for (let count = 0; count < requests + warmUp; count += 1) {
    const [a, b] = [await timeOf(one), await timeOf(other)]
    if (count < warmUp) continue
    ones.push(a)
    others.push(b)
  }
  return [timesOf(ones), timesOf(others)]
}

async function measured(work: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = []
  for (let count = 0; count < requests; count += 1) times.push(await timeOf(work))
  return times
}

function timesOf(times: readonly number[]): Times {
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) }
}
