import { asObject } from '../../../src/kube/client/parse.ts'
import { at } from '../../charts/chart.ts'
import { listOf } from '../../charts/monitoring.ts'

/** A target of Prometheus, with the result of its last scrape. */
export interface Target {
  pool: string
  url: string
  health: string
  lastError: string
  labels: Record<string, unknown>
}

/** An alert that Prometheus has loaded. */
export interface LoadedRule {
  name: string
  health: string
  lastError: string
  state: string
}

/** Prometheus' HTTP API. */
export class PrometheusApi {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  /** All targets that it scrapes now. */
  async targets(): Promise<Target[]> {
    return listOf(at(await this.#get('targets', { state: 'active' }), 'activeTargets')).map((target) => {
      const { scrapePool, scrapeUrl, health, lastError, labels } = asObject(target)
      return {
        pool: String(scrapePool),
        url: String(scrapeUrl),
        health: String(health),
        lastError: String(lastError),
        labels: asObject(labels),
      }
    })
  }

  /** All rules of all groups. */
  async rules(): Promise<LoadedRule[]> {
    const groups = listOf(at(await this.#get('rules'), 'groups'))
    return groups
      .flatMap((group) => listOf(at(group, 'rules')))
      .map((rule) => {
        const { name, health, lastError, state } = asObject(rule)
        return {
          name: String(name),
          health: String(health),
          lastError: typeof lastError === 'string' ? lastError : '',
          state: String(state),
        }
      })
  }

  /** The current values of a query, one per series. */
  async values(query: string): Promise<number[]> {
    const found = listOf(at(await this.#get('query', { query }), 'result'))
    return found.map((series) => Number(at(series, 'value', 1)))
  }

  /** The values of a label in the series that match. */
  async labelValues(label: string, match: string): Promise<unknown[]> {
    return listOf(await this.#get(`label/${label}/values`, { 'match[]': match }))
  }

  /** The configuration in force, without secrets. */
  async configuration(): Promise<string> {
    return String(at(await this.#get('status/config'), 'yaml'))
  }

  async #get(path: string, parameters: Record<string, string> = {}): Promise<unknown> {
    const response = await fetch(`${this.#url}/api/v1/${path}?${String(new URLSearchParams(parameters))}`)
    const text = await response.text()
    if (!response.ok) throw new Error(`${path} ${JSON.stringify(parameters)} answered ${response.status}: ${text}`)
    return asObject(JSON.parse(text))['data']
  }
}
