import { Counter, Histogram, type Registry } from 'prom-client'

/**
 * Takes what was answered: the route's name (`none` where there was none), the status code, and the seconds it took,
 * which nobody knows of what was no request.
 */
export type Answered = (route: string, code: number, seconds?: number) => void

/** The answers of the REST API. */
export function httpMetrics(registry: Registry): Answered {
  const registers = [registry]
  const answers = new Counter({
    name: 'github_runnerhub_http_requests_total',
    help: 'Answers of the REST API, by route and status code; route none is a call that was refused before its route',
    labelNames: ['route', 'code'],
    registers,
  })
  const durations = new Histogram({
    name: 'github_runnerhub_http_request_duration_seconds',
    help: 'Time to an answer of the REST API, of a followed log to its beginning',
    buckets: [0.005, 0.025, 0.1, 0.5, 1, 5, 30],
    registers,
  })
  return (route, code, seconds) => {
    answers.inc({ route, code: String(code) })
    if (seconds !== undefined) durations.observe(seconds)
  }
}
