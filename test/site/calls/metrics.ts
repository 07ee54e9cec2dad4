import { setTimeout as pause } from 'node:timers/promises'
import { samplesOf } from '../../objects/samples.ts'
import type { Operator } from '../../processes/operator.ts'
import { call } from './call.ts'

/** The metrics of an operator. */
export async function scrape({ url }: Operator): Promise<Map<string, number>> {
  const { status, text } = await call(`${url}/api/metrics`)
  if (status !== 200) throw new Error(`/api/metrics: ${status} ${text}`)
  return samplesOf(text)
}

/** The totals of jobs as an operator exports them: counts by status, and the histogram of durations. */
export async function totalsOf(operator: Operator): Promise<Record<string, number>> {
  const samples = [...(await scrape(operator))]
  return Object.fromEntries(samples.filter(([name]) => /^github_runnerhub_job(s_total|_duration)/.test(name)))
}

/** Completed, failed and cancelled jobs. */
export async function jobsTotal(operator: Operator): Promise<(number | undefined)[]> {
  const totals = await totalsOf(operator)
  return ['completed', 'failed', 'cancelled'].map((status) => totals[`github_runnerhub_jobs_total{status="${status}"}`])
}

/** Time between two looks at the totals of one operator. */
const LOOK_MS = 25

/**
 * Reads the totals of some operators repeatedly, at least twice, and records every sample that decreased. The operators
 * must run until it stops. Its pauses leave the CPU to them.
 */
export class TotalsWatcher {
  readonly falls: string[] = []
  readonly #stop = new AbortController()
  readonly #watching: Promise<void>

  constructor(operators: readonly Operator[]) {
    this.#watching = Promise.all(operators.map((operator) => this.#watch(operator))).then(() => undefined)
  }

  async end(): Promise<void> {
    this.#stop.abort()
    await this.#watching
  }

  async #watch(operator: Operator): Promise<void> {
    let last: Record<string, number> = {}
    for (let looks = 0; looks < 2 || !this.#stop.signal.aborted; looks += 1) {
      const totals = await totalsOf(operator).catch((error: unknown) => String(error))
      if (typeof totals === 'string') {
        this.falls.push(`the totals could not be read: ${totals}`)
        return
      }
      for (const [name, value] of Object.entries(last)) {
        if ((totals[name] ?? 0) < value) this.falls.push(`${name}: ${value} -> ${totals[name]}`)
      }
      last = totals
      await pause(LOOK_MS)
    }
  }
}
