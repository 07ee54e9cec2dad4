import { Pool } from 'undici'
import { samplesOf } from '../../objects/samples.ts'
import { Served } from '../served/child.ts'
import { type Surroundings, surroundings } from '../stage/machine.ts'
import type { Shipped } from '../stage/shipped.ts'
import { quantile } from '../statistics.ts'

/** Duration of a scrape in milliseconds, from the request to the last byte. */
export interface ScrapeResult {
  jobs: number
  surroundings: Surroundings
  series: number
  p50: number
  p99: number
}

const scrapes = 500

/** Scrapes the metrics of a process with jobs of 500 repositories, and with every possible series. */
export async function measureScrapes(jobs: number, shipped: Shipped): Promise<ScrapeResult> {
  const around = surroundings()
  const served = await Served.start('list-server.ts', [String(jobs)], shipped)
  const pool = new Pool(`http://127.0.0.1:${served.port}`, { connections: 1 })
  try {
    for (let count = 0; count < scrapes / 10; count += 1) await scrape(pool)
    const times: number[] = []
    for (let count = 0; count < scrapes; count += 1) times.push((await scrape(pool)).ms)
    const series = samplesOf((await scrape(pool)).text).size
    return { jobs, surroundings: around, series, p50: quantile(times, 0.5), p99: quantile(times, 0.99) }
  } finally {
    await pool.close()
    await served.stop()
  }
}

async function scrape(pool: Pool): Promise<{ ms: number; text: string }> {
  const begun = performance.now()
  const headers = { authorization: 'Bearer bench' }
  const { statusCode, body } = await pool.request({ method: 'GET', path: '/api/metrics', headers })
  const text = await body.text()
  if (statusCode !== 200) throw new Error(`/api/metrics: ${statusCode} ${text}`)
  return { ms: performance.now() - begun, text }
}
