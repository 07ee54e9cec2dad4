import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { ReflectorMetrics } from '../kube/cache/reflector.ts'
import type { RequestOutcome } from '../kube/client/exchange.ts'
import type { ControllerMetrics } from '../kube/controller/controller.ts'
import type { Lane } from '../kube/queue/workqueue.ts'

/** Few, since there are series for each verb. */
const SECONDS = [0.005, 0.025, 0.1, 1, 10]
/** Fewer, since there are series for each kind of object. */
const PASS_SECONDS = [0.005, 0.025, 0.1, 1]

/** The controllers of the leader: reconciles, and the keys in the work queue. */
export function controllerMetrics(registry: Registry, isLeader: () => boolean): ControllerMetrics {
  const registers = [registry]
  // oxlint-disable-next-line no-new -- it registers itself
  new Gauge({
    name: 'github_runnerhub_leader',
    help: '1 in the process whose controllers run, else 0',
    registers,
    collect() {
      this.set(isLeader() ? 1 : 0)
    },
  })
  let depthOf: (lane: Lane) => number = () => 0
  // oxlint-disable-next-line no-new -- it registers itself
  new Gauge({
    name: 'github_runnerhub_workqueue_depth',
    help: 'Keys in the work queue of this process',
    labelNames: ['lane'],
    registers,
    collect() {
      for (const lane of ['urgent', 'deferred'] as const) this.set({ lane }, isLeader() ? depthOf(lane) : 0)
    },
  })
  const waits = new Histogram({
    name: 'github_runnerhub_workqueue_wait_seconds',
    help: 'Time that keys spent in the work queue',
    labelNames: ['lane'],
    buckets: SECONDS,
    registers,
  })
  const reconciles = new Counter({
    name: 'github_runnerhub_reconciles_total',
    help: 'Reconciles, by kind of object and outcome',
    labelNames: ['kind', 'outcome'],
    registers,
  })
  const durations = new Histogram({
    name: 'github_runnerhub_reconcile_duration_seconds',
    help: 'Duration of a reconcile',
    labelNames: ['kind'],
    buckets: PASS_SECONDS,
    registers,
  })
  return {
    depth: (_controller, read) => (depthOf = read),
    waited: (_controller, lane, seconds) => waits.observe({ lane }, seconds),
    passed: (_controller, outcome, seconds, key) => {
      const kind = key.slice(0, Math.max(0, key.indexOf(':')))
      reconciles.inc({ kind, outcome })
      durations.observe({ kind }, seconds)
    },
  }
}

/** The lists and watches that fill the caches. */
export function reflectorMetrics(registry: Registry): ReflectorMetrics {
  const registers = [registry]
  const lists = new Counter({
    name: 'github_runnerhub_watch_lists_total',
    help: 'Complete lists that filled a cache; all but the first are relists',
    labelNames: ['resource'],
    registers,
  })
  const restarts = new Counter({
    name: 'github_runnerhub_watch_restarts_total',
    help: 'Watches restarted after they ended or failed, by reason',
    labelNames: ['resource', 'reason'],
    registers,
  })
  return {
    listed: (resource) => lists.inc({ resource }),
    ended: (resource) => restarts.inc({ resource, reason: 'Ended' }),
    failed: (resource, reason) => restarts.inc({ resource, reason: restartReasons.has(reason) ? reason : 'Other' }),
  }
}

/** The names of our own errors; no other text becomes a label. */
export const restartReasons = new Set([
  'ApiError',
  'Forbidden',
  'Gone',
  'Malformed',
  'NotFound',
  'RelistWanted',
  'TooManyRequests',
  'Unauthorized',
  'Unreachable',
])

/** The requests of all clients of this process to the API server. */
export function apiMetrics(registry: Registry): (outcome: RequestOutcome) => void {
  const registers = [registry]
  const requests = new Counter({
    name: 'github_runnerhub_api_requests_total',
    help: 'Requests to the API server, by verb and status code; code none is no response',
    labelNames: ['verb', 'code'],
    registers,
  })
  const durations = new Histogram({
    name: 'github_runnerhub_api_request_duration_seconds',
    help: 'Response time of the API server; for watches and followed logs, time to the response headers',
    labelNames: ['verb'],
    buckets: SECONDS,
    registers,
  })
  return ({ verb, code, seconds }) => {
    requests.inc({ verb, code: code === 0 ? 'none' : String(code) })
    durations.observe({ verb }, seconds)
  }
}
