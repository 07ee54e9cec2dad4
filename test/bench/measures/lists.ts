import { Pool } from 'undici'
import { asObject } from '../../../src/kube/client/parse.ts'
import { at } from '../../objects/builders.ts'
import { Served } from '../served/child.ts'
import { type Surroundings, surroundings } from '../stage/machine.ts'
import type { Shipped } from '../stage/shipped.ts'
import { quantile } from '../statistics.ts'

/** Duration of one kind of page, in milliseconds. */
export interface PageTimes {
  page: string
  p50: number
  p99: number
}

export interface ListResult {
  jobs: number
  surroundings: Surroundings
  pages: PageTimes[]
  peakRssMb: number
}

const requests = 1000

/** Queries for pages of 50; `random` is from 0 up to 1. */
const kinds: Record<string, (jobs: number, random: number) => string> = {
  'the newest': () => 'page=1',
  'any page': (jobs, random) => `page=${1 + Math.floor((random * jobs) / 50)}`,
  'of a repository': (_jobs, random) => `repository=owner/repo-${Math.floor(random * 500)}`,
  'of a state': (jobs, random) => `status=completed&page=${1 + Math.floor((random * jobs) / 200)}`,
  'between two dates': (jobs, random) => {
    const seconds = jobs * 10 // they were delegated ten seconds apart
    const [from, to] = [random * 0.8 * seconds, (random * 0.8 + 0.2) * seconds].map((each) => at(each).toISOString())
    return `startDate=${from}&endDate=${to}&status=running`
  },
}

/** Requests pages of 50 from the REST facade, one at a time. */
export async function measureLists(jobs: number, shipped: Shipped): Promise<ListResult> {
  const around = surroundings()
  const served = await Served.start('list-server.ts', [String(jobs)], shipped)
  const pool = new Pool(`http://127.0.0.1:${served.port}`, { connections: 1 })
  try {
    const pages: PageTimes[] = []
    for (const [page, query] of Object.entries(kinds)) {
      const ask = (): Promise<number> => timeOf(pool, `/api/jobs?limit=50&${query(jobs, Math.random())}`)
      for (let count = 0; count < requests / 10; count += 1) await ask()
      const times: number[] = []
      for (let count = 0; count < requests; count += 1) times.push(await ask())
      pages.push({ page, p50: quantile(times, 0.5), p99: quantile(times, 0.99) })
    }
    return { jobs, surroundings: around, pages, peakRssMb: (await served.usage()).peakRssMb }
  } finally {
    await pool.close()
    await served.stop()
  }
}

async function timeOf(pool: Pool, path: string): Promise<number> {
  const begun = performance.now()
  const { statusCode, body } = await pool.request({ method: 'GET', path, headers: { authorization: 'Bearer bench' } })
  const text = await body.text()
  const ms = performance.now() - begun
  const { data } = asObject(JSON.parse(text))
  if (statusCode !== 200 || !Array.isArray(data) || data.length === 0) throw new Error(`${path}: ${statusCode} ${text}`)
  return ms
}
