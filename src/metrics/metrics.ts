import { collectDefaultMetrics, Registry } from 'prom-client'
import type { Caches } from '../cluster/caches.ts'
import { jobTotals } from './totals-metrics.ts'

/** Of prom-client's own: gauges named as counters are, which promtool rejects; the same by type is in the others. */
const misnamed = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total']

/** All that this process measures. Labels have few values, all of them ours: never a job, a run or a user's text. */
export class Metrics {
  readonly #registry = new Registry()

  constructor() {
    collectDefaultMetrics({ register: this.#registry })
    for (const name of misnamed) this.#registry.removeSingleMetric(name)
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /** Everything in Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics()
  }

  /** From now on tells of the jobs in the caches. */
  watchJobs({ totals }: Caches): void {
    jobTotals(this.#registry, totals)
  }
}
