import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Caches } from '../cluster/caches.ts'
import type { Clock } from '../kube/runtime/clock.ts'
import { driftGauge } from './drift-metrics.ts'
import { failureMetrics, retryMetrics } from './failure-metrics.ts'
import { type Answered, httpMetrics } from './http-metrics.ts'
import { lostLogs } from './log-metrics.ts'
import { queueMetrics } from './queue-metrics.ts'
import { realtimeMetrics } from './realtime-metrics.ts'
import { requestedTotals } from './requested-metrics.ts'
import { runnerMetrics } from './runner-metrics.ts'
import { apiMetrics, controllerMetrics, reflectorMetrics } from './runtime-metrics.ts'
import { jobTotals } from './totals-metrics.ts'
import { waitingMetrics } from './waiting-metrics.ts'

/** The default metrics of prom-client that are removed. */
const unwanted = [
  // Gauges with counter names, which promtool rejects; other metrics have the same values by type.
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
  // One series per heap space each; nodejs_heap_size_* have the sums.
  'nodejs_heap_space_size_total_bytes',
  'nodejs_heap_space_size_used_bytes',
  'nodejs_heap_space_size_available_bytes',
]

/** Pauses below the smallest bucket do not matter; each bucket costs a series for every kind of collection. */
const gcDurationBuckets = [0.01, 0.1, 1]

export interface MetricsOptions {
  clock: Clock
  version: string
}

/** All metrics of this process. Labels have few, fixed values: never a job, a run or a user's text, but for a bounded number of repositories. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #clock: Clock
  #isLeader = () => false
  readonly controllers = controllerMetrics(this.#registry, () => this.#isLeader())
  readonly reflectors = reflectorMetrics(this.#registry)
  readonly onApiRequest = apiMetrics(this.#registry)
  readonly onLogLost = lostLogs(this.#registry)
  readonly onDrift = driftGauge(this.#registry)
  readonly realtime = realtimeMetrics(this.#registry)
  readonly answered: Answered = httpMetrics(this.#registry)

  constructor({ clock, version }: MetricsOptions) {
    this.#clock = clock
    const registers = [this.#registry]
    const help = 'Always 1; the label is the version of the operator'
    new Gauge({ name: 'github_runnerhub_build_info', help, labelNames: ['version'], registers }).set({ version }, 1)
    collectDefaultMetrics({ register: this.#registry, gcDurationBuckets })
    for (const name of unwanted) this.#registry.removeSingleMetric(name)
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /** All metrics in the Prometheus text format. */
  text(): Promise<string> {
    return this.#registry.metrics()
  }

  /** Starts to export the jobs and Runners of the caches. */
  watch(caches: Caches): void {
    jobTotals(this.#registry, caches.totals)
    requestedTotals(this.#registry, caches.totals)
    queueMetrics(this.#registry, caches, this.#clock)
    runnerMetrics(this.#registry, caches)
    failureMetrics(this.#registry, caches)
    retryMetrics(this.#registry, caches)
    waitingMetrics(this.#registry, caches)
  }

  /** Sets the function that decides whether this process is leader. */
  leads(isLeader: () => boolean): void {
    this.#isLeader = isLeader
  }
}
