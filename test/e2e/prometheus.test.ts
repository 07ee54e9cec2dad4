import { expect } from 'chai'
import { parse } from 'yaml'
import { asObject } from '../../src/kube/client/parse.ts'
import { at } from '../charts/chart.ts'
import { alertsOf, asked, listOf, queriesOf } from '../charts/monitoring.ts'
import type { PrometheusApi, Target } from './clients/prometheus-api.ts'
import type { Installation } from './installation/installation.ts'
import { installMonitored, type MonitoredInstallation } from './installation/monitored-installation.ts'

/** Panels without data in a healthy cluster, and why. All others must show data. */
const emptyWhileWell: Record<string, string> = {
  'Watch restarts': 'a watch ends after 5 minutes at the earliest, and none has failed',
}

/** Series of alerts that do not exist in a healthy cluster. All others must exist. */
const absentWhileWell = [
  'github_runnerhub_reconciles_total{outcome="error"}',
  'github_runnerhub_watch_restarts_total{reason!="Ended"}',
  'github_runnerhub_http_requests_total{code="429"}',
  'github_runnerhub_http_requests_total{route="none",code="503"}',
  'github_runnerhub_api_requests_total{code=~"5..|429|none"}',
]

describe('a Prometheus of the Prometheus Operator', function () {
  this.timeout('2m')
  let installation: MonitoredInstallation
  let hub: Installation
  let prometheus: PrometheusApi

  before('is installed beside the chart', async function () {
    this.timeout('12m')
    installation = await installMonitored()
    ;({ hub, prometheus } = installation)
  })
  after('is removed', async function () {
    this.timeout('5m')
    await installation?.close()
  })

  const pool = (monitor: string): string => `serviceMonitor/${hub.namespace}/${monitor}/0`
  const targetsOf = async (monitor: string): Promise<Target[]> => {
    return (await prometheus.targets()).filter((target) => target.pool === pool(monitor))
  }
  const scraped = (monitor: string, health: string, error = '') =>
    hub.until(`both replicas to be ${health} for ${monitor}, with the error "${error}"`, async () => {
      const targets = await targetsOf(monitor)
      const isSo = (target: Target): boolean => target.health === health && target.lastError === error
      return targets.length === 2 && targets.every(isSo) && targets
    })

  it('scrapes each replica with the token that the ServiceMonitor names', async () => {
    const targets = await scraped('hub-runnerhub', 'up')
    for (const { url, labels } of targets) {
      expect(url).to.match(/:3000\/api\/metrics$/)
      expect(labels).to.include({ namespace: hub.namespace, job: 'hub-runnerhub' })
    }
    const pods = (await hub.operatorPods()).map(({ metadata }) => metadata.name)
    expect(targets.map(({ labels }) => labels['pod'])).to.have.members(pods)
    const jobs = listOf(at(parse(await prometheus.configuration()), 'scrape_configs')).map(asObject)
    const { authorization } = jobs.find(({ job_name: name }) => name === pool('hub-runnerhub')) ?? {}
    expect(authorization).to.deep.equal({ type: 'Bearer', credentials: '<secret>' })
  })

  it('gets 401 without the token', async () => {
    await scraped('without-token', 'down', 'server returned HTTP status 401 Unauthorized')
    const url = `http://127.0.0.1:${hub.port}/api/metrics`
    const statusWith = async (headers: Record<string, string>) => (await fetch(url, { headers })).status
    expect(await statusWith({})).to.equal(401)
    expect(await statusWith({ authorization: `Bearer ${installation.metricsToken}` })).to.equal(200)
    expect(await statusWith({ authorization: `Bearer ${installation.metricsToken}x` })).to.equal(401)
  })

  it('has data for every query of the dashboard, once jobs have run', async () => {
    await scraped('hub-runnerhub', 'up')
    await hub.createPool('exit-3', { script: 'exit 3' })
    await hub.createJob('good', { labels: ['self-hosted'] })
    await hub.createJob('bad', { labels: ['exit-3'] })
    await hub.jobIs('good', { phase: 'Completed' }, 60_000)
    await hub.jobIs('bad', { phase: 'Failed' }, 60_000)

    const path = '--output=jsonpath={.data.runnerhub\\.json}'
    const dashboard: unknown = JSON.parse(await hub.kubectl('get', 'configmap', 'hub-runnerhub-dashboard', path))
    const queries = queriesOf(dashboard)
    expect(queries).to.have.length.at.least(20)
    expect(queries.map(({ panel }) => panel)).to.include.members(Object.keys(emptyWhileWell))
    const shown = async (expr: string): Promise<number[]> => prometheus.values(asked(expr, hub.namespace))
    for (const { panel, expr } of queries) {
      const values = await shown(expr)
      if (emptyWhileWell[panel] !== undefined && values.length === 0) continue
      await hub.until(`${panel} to show data for ${expr}`, async () => (await shown(expr)).some(Number.isFinite))
    }
    const outcomes = 'sum by (status) (github_runnerhub_jobs_total{namespace="$namespace",status=~"completed|failed"})'
    await hub.until('each outcome to be counted once by both replicas', async () => {
      return String(await shown(outcomes)) === '2,2'
    })
    expect(await prometheus.labelValues('namespace', 'github_runnerhub_build_info')).to.deep.equal([hub.namespace])
  })

  it('has loaded every rule, and each queries existing series', async () => {
    const json: unknown = JSON.parse(await hub.kubectl('get', 'prometheusrule', 'hub-runnerhub', '--output=json'))
    const alerts = alertsOf(json)
    const wanted = alerts.map(({ alert }) => alert)
    expect(wanted).to.have.length.at.least(5)
    const rules = await hub.until('every rule to be evaluated', async () => {
      const loaded = await prometheus.rules()
      return loaded.length === wanted.length && loaded.every(({ health }) => health !== 'unknown') && loaded
    })
    expect(rules.map(({ name }) => name)).to.have.members(wanted)
    for (const { name, health, lastError } of rules)
      expect({ health, lastError }, name).to.deep.equal({ health: 'ok', lastError: '' })
    await hub.until('no alert to be pending or firing', async () => {
      return (await prometheus.rules()).every(({ state }) => state === 'inactive')
    })

    const chosen = `{namespace="${hub.namespace}",job="hub-runnerhub"`
    const selectors = alerts.flatMap(({ expr }) => expr.match(/\w+\{[^}]*\}/g) ?? [])
    const absent = absentWhileWell.map((selector) => selector.replace('{', '{,'))
    for (const selector of new Set(selectors)) {
      expect(selector).to.include(chosen)
      if (absent.includes(selector.replace(chosen, '{'))) continue
      // A scrape that times out removes the series until the next.
      await hub.until(`${selector} to have a value`, async () => (await prometheus.values(selector)).length > 0)
    }
  })

  it('has an alert pending when the operator is gone', async () => {
    await hub.kubectl('scale', 'deployment/hub-runnerhub', '--replicas=0')
    await hub.until(
      'RunnerHubAbsent to be pending',
      async () => {
        return (await prometheus.rules()).some(({ name, state }) => name === 'RunnerHubAbsent' && state === 'pending')
      },
      60_000,
    )
  })
})
