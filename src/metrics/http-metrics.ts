import { Counter, Histogram, type Registry } from 'prom-client'

/**
 * Records a response: the route's name (`none` if there is none), the status code, and the duration in seconds, which
 * is unknown for an invalid request.
 */
export type Answered = (route: string, code: number, seconds?: number) => void

/** The responses of the REST API. */
export function httpMetrics(registry: Registry): Answered {
  const registers = [registry]
  const responses = new Counter({
    name: 'github_runnerhub_http_requests_total',
    help: 'Responses of the REST API, by route and status code; route none is a request rejected before routing',
    labelNames: ['route', 'code'],
    registers,
  })
  const durations = new Histogram({
    name: 'github_runnerhub_http_request_duration_seconds',
    help: 'Response time of the REST API; for a followed log, time to its first byte',
    buckets: [0.005, 0.025, 0.1, 0.5, 1, 5, 30],
    registers,
  })
  return (route, code, seconds) => {
    responses.inc({ route, code: String(code) })
    if (seconds !== undefined) durations.observe(seconds)
  }
}
