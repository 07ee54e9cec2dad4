import { asObject } from '../../src/kube/client/parse.ts'
import { at } from './chart.ts'

/** A rule of the chart. */
export interface Alert {
  alert: string
  expr: string
  for?: string
  annotations: Record<string, string>
}

/** A query of the dashboard, and the panel that shows what it finds. */
export interface Query {
  panel: string
  expr: string
}

/** The rules of a PrometheusRule. */
export function alertsOf(rule: unknown): Alert[] {
  return listOf(at(rule, 'spec', 'groups', 0, 'rules')).filter(isAlert)
}

/** Every query of a dashboard, unchanged. */
export function queriesOf(dashboard: unknown): Query[] {
  return listOf(at(dashboard, 'panels')).flatMap((panel) => {
    const title = String(at(panel, 'title'))
    return listOf(at(panel, 'targets')).map((target) => ({ panel: title, expr: String(at(target, 'expr')) }))
  })
}

/** The query that Grafana sends to Prometheus for a chosen namespace. */
export function asked(expr: string, namespace: string): string {
  return expr.replaceAll('$__rate_interval', '5m').replaceAll('$namespace', namespace)
}

/** The value if it is a list, else an empty list. */
export function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value.map((item: unknown) => item) : []
}

function isAlert(value: unknown): value is Alert {
  const { alert, expr, annotations } = asObject(value)
  return typeof alert === 'string' && typeof expr === 'string' && typeof annotations === 'object'
}
