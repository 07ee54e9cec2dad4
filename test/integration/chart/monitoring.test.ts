import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { stringify } from 'yaml'
import { asObject } from '../../../src/kube/client/parse.ts'
import { at, chartFile, found, helmPath, type Manifest, render } from '../../charts/chart.ts'
import { type Alert, alertsOf, asked, listOf, queriesOf } from '../../charts/monitoring.ts'
import { command, localTool } from '../../processes/command.ts'

const docs = new URL('../../../docs/', import.meta.url)

/** A series in a test of promtool: one sample per minute. */
interface Series {
  series: string
  values: string
}

const labels = 'namespace="hub",job="hub-runnerhub"'
const replica = (pod: number, name: string, values: string, more = ''): Series => {
  return { series: `${name}{${labels},pod="${pod}"${more}}`, values }
}

/** Series for each alert that fire it, and similar series that do not. */
const cases: Record<string, { fires: Series[]; silent: Series[] }> = {
  RunnerHubAbsent: {
    fires: [{ series: 'github_runnerhub_build_info{namespace="other",job="x"}', values: '1x60' }],
    silent: [replica(1, 'github_runnerhub_build_info', '1x60', ',version="1"')],
  },
  RunnerHubNoLeader: {
    fires: [replica(1, 'github_runnerhub_leader', '0x60'), replica(2, 'github_runnerhub_leader', '0x60')],
    silent: [replica(1, 'github_runnerhub_leader', '0x60'), replica(2, 'github_runnerhub_leader', '1x60')],
  },
  RunnerHubQueueStuck: {
    fires: [replica(1, 'github_runnerhub_queue_oldest_wait_seconds', '0+60x60')],
    silent: [replica(1, 'github_runnerhub_queue_oldest_wait_seconds', '600x60')],
  },
  RunnerHubSlowStart: {
    fires: [
      replica(1, 'github_runnerhub_job_start_seconds_bucket', '0x60', ',phase="assigned",le="60"'),
      replica(1, 'github_runnerhub_job_start_seconds_bucket', '0+5x60', ',phase="assigned",le="120"'),
      replica(1, 'github_runnerhub_job_start_seconds_bucket', '0+5x60', ',phase="assigned",le="+Inf"'),
    ],
    silent: [
      replica(1, 'github_runnerhub_job_start_seconds_bucket', '0+5x60', ',phase="assigned",le="60"'),
      replica(1, 'github_runnerhub_job_start_seconds_bucket', '0+5x60', ',phase="assigned",le="+Inf"'),
      replica(1, 'github_runnerhub_job_start_seconds_bucket', '0x60', ',phase="queued",le="60"'),
      replica(1, 'github_runnerhub_job_start_seconds_bucket', '0+5x60', ',phase="queued",le="+Inf"'),
    ],
  },
  RunnerHubJobsFail: {
    fires: [
      replica(1, 'github_runnerhub_jobs_total', '0+3x60', ',status="failed"'),
      replica(2, 'github_runnerhub_jobs_total', '0+3x60', ',status="failed"'),
      replica(1, 'github_runnerhub_jobs_total', '0+1x60', ',status="completed"'),
    ],
    // As many fail, but out of many more; two replicas export the same jobs.
    silent: [
      replica(1, 'github_runnerhub_jobs_total', '0+3x60', ',status="failed"'),
      replica(2, 'github_runnerhub_jobs_total', '0+3x60', ',status="failed"'),
      replica(1, 'github_runnerhub_jobs_total', '0+4x60', ',status="completed"'),
    ],
  },
  RunnerHubInfrastructureFails: {
    fires: [replica(1, 'github_runnerhub_job_failures_total', '0+1x60', ',reason="NodeLost"')],
    // As many fail in total; two replicas export the same few.
    silent: [
      replica(1, 'github_runnerhub_job_failures_total', '0+5x60', ',reason="ExitCode"'),
      replica(1, 'github_runnerhub_job_failures_total', '0x20 4x40', ',reason="NodeLost"'),
      replica(2, 'github_runnerhub_job_failures_total', '0x20 4x40', ',reason="NodeLost"'),
    ],
  },
  RunnerHubRateLimited: {
    fires: [replica(1, 'github_runnerhub_http_requests_total', '0+20x60', ',route="none",code="429"')],
    silent: [
      replica(1, 'github_runnerhub_http_requests_total', '0+2x60', ',route="none",code="429"'),
      replica(1, 'github_runnerhub_http_requests_total', '0+90x60', ',route="getJob",code="200"'),
    ],
  },
  RunnerHubReconcileErrors: {
    fires: [replica(1, 'github_runnerhub_reconciles_total', '0+12x60', ',kind="job",outcome="error"')],
    silent: [
      replica(1, 'github_runnerhub_reconciles_total', '0+1x60', ',kind="job",outcome="error"'),
      replica(1, 'github_runnerhub_reconciles_total', '0+600x60', ',kind="job",outcome="conflict"'),
    ],
  },
  RunnerHubWatchesBreak: {
    fires: [replica(1, 'github_runnerhub_watch_restarts_total', '0+1x60', ',resource="pods",reason="Unreachable"')],
    silent: [replica(1, 'github_runnerhub_watch_restarts_total', '0+1x60', ',resource="pods",reason="Ended"')],
  },
  RunnerHubApiErrors: {
    fires: [
      replica(1, 'github_runnerhub_api_requests_total', '0+100x60', ',verb="get",code="200"'),
      replica(1, 'github_runnerhub_api_requests_total', '0+20x60', ',verb="get",code="none"'),
    ],
    silent: [
      replica(1, 'github_runnerhub_api_requests_total', '0+100x60', ',verb="get",code="200"'),
      replica(1, 'github_runnerhub_api_requests_total', '0+100x60', ',verb="get",code="404"'),
      replica(1, 'github_runnerhub_api_requests_total', '0+3x60', ',verb="get",code="503"'),
    ],
  },
  RunnerHubOverloaded: {
    fires: [
      replica(1, 'github_runnerhub_http_requests_total', '0+5x60', ',route="none",code="503"'),
      replica(2, 'github_runnerhub_http_requests_total', '0+5x60', ',route="none",code="503"'),
    ],
    // Few are refused; the API server, not this process, has no time for the others.
    silent: [
      replica(1, 'github_runnerhub_http_requests_total', '0+2x60', ',route="none",code="503"'),
      replica(1, 'github_runnerhub_http_requests_total', '0+90x60', ',route="delegate",code="503"'),
    ],
  },
  RunnerHubLogsLost: {
    fires: [replica(1, 'github_runnerhub_logs_lost_total', '0+1x60')],
    silent: [replica(1, 'github_runnerhub_logs_lost_total', '0x30 3x30')],
  },
  RunnerHubDrift: {
    fires: [replica(1, 'github_runnerhub_drift_objects', '1x60', ',kind="pod"')],
    // Healed by the next audit, time and again.
    silent: [replica(1, 'github_runnerhub_drift_objects', '1x5 0 1x5 0 1x5 0 1x5 0x40', ',kind="pod"')],
  },
  RunnerHubRealtimeCutOff: {
    fires: [replica(1, 'github_runnerhub_realtime_cut_off_total', '0+2x60', ',transport="websocket"')],
    silent: [replica(1, 'github_runnerhub_realtime_cut_off_total', '0x30 5x30', ',transport="websocket"')],
  },
}

describe('the monitoring of the chart', function () {
  this.timeout('60s')
  let folder: string
  let promtool: string
  let objects: Manifest[]
  let rules: Alert[]
  let queries: string[]

  before(async function () {
    this.timeout('10m')
    await helmPath()
    const parts = ['serviceMonitor', 'prometheusRule', 'dashboard'].map((part) => `monitoring.${part}.enabled=true`)
    objects = await render('--set', parts.join(','))
    rules = alertsOf(found(objects, 'PrometheusRule', 'hub-runnerhub'))
    const dashboard = at(found(objects, 'ConfigMap', 'hub-runnerhub-dashboard'), 'data', 'runnerhub.json')
    queries = queriesOf(JSON.parse(String(dashboard))).map(({ expr }) => expr)
    promtool = await command(localTool('promtool-path'))
    folder = await mkdtemp(join(tmpdir(), 'runnerhub-rules-'))
    await writeFile(join(folder, 'rules.yaml'), stringify(found(objects, 'PrometheusRule', 'hub-runnerhub')['spec']))
  })
  after(() => rm(folder, { recursive: true, force: true }))

  it('uses no metric that is not documented', async () => {
    const text = await readFile(new URL('metrics.md', docs), 'utf8')
    const known = new Set([...text.matchAll(/^\| `(github_runnerhub_\w+)` \|/gm)].map(([, name]) => name))
    const used = [...rules.map(({ expr }) => expr), ...queries].flatMap(
      (expr) => expr.match(/\b[a-z]+_\w+(?=\{)/g) ?? [],
    )
    const unknown = used.map((name) => name.replace(/_(bucket|sum|count)$/, '')).filter((name) => !known.has(name))
    expect(unknown.filter((name) => name !== 'process_resident_memory_bytes')).to.deep.equal([])
    expect(used).to.have.length.at.least(20)
  })

  it('has one page for each alert, and a link to it', async () => {
    const pages = (await readdir(new URL('runbooks/', docs))).map((file) => file.replace('.md', ''))
    expect(pages).to.have.members(rules.map(({ alert }) => alert))
    for (const { alert, annotations } of rules) {
      expect(annotations['runbook_url']).to.equal(`docs/runbooks/${alert}.md`)
      expect(annotations['summary'], alert).to.be.a('string').and.not.include('SELECTOR')
    }
  })

  it('has rules and queries that Prometheus accepts', async () => {
    expect(await command(promtool, 'check', 'rules', join(folder, 'rules.yaml'))).to.include('SUCCESS')
    const recorded = queries.map((expr, index) => ({ record: `query:number:${index}`, expr: asked(expr, 'hub') }))
    const file = join(folder, 'queries.yaml')
    await writeFile(file, stringify({ groups: [{ name: 'queries', rules: recorded }] }))
    expect(await command(promtool, 'check', 'rules', file)).to.include(`SUCCESS: ${queries.length} rules found`)
  })

  it('has a dashboard of ordinary panels, each with its own place and a unit', async () => {
    const dashboard: unknown = JSON.parse(await chartFile('files/dashboard.json'))
    const panels = listOf(at(dashboard, 'panels')).map(asObject)
    expect(new Set(panels.map(({ type }) => type))).to.deep.equal(new Set(['stat', 'timeseries']))
    for (const name of ['id', 'title'] as const)
      expect(new Set(panels.map((panel) => panel[name]))).to.have.property('size', panels.length)
    const places = panels.map(({ gridPos }) => `${String(at(gridPos, 'x'))},${String(at(gridPos, 'y'))}`)
    expect(new Set(places)).to.have.property('size', panels.length)
    for (const panel of panels)
      expect(at(panel, 'fieldConfig', 'defaults', 'unit'), String(panel['title'])).to.be.a('string')
  })

  it('has a case for every alert', () => expect(Object.keys(cases)).to.have.members(rules.map(({ alert }) => alert)))

  /** Whether an alert is firing after 55 minutes of these series. */
  async function isFiring(alert: string, series: Series[]): Promise<boolean> {
    const file = join(folder, `${alert}.yaml`)
    const expected = [{ eval_time: '55m', alertname: alert, exp_alerts: [] }]
    const test = { interval: '1m', input_series: series, alert_rule_test: expected }
    await writeFile(file, stringify({ rule_files: ['rules.yaml'], tests: [test] }))
    try {
      return !(await command(promtool, 'test', 'rules', file)).includes('SUCCESS')
    } catch (error) {
      const output = `${String(asObject(error)['stdout'])}${String(asObject(error)['stderr'])}`
      if (/exp:\[\s*\],\s*got:\[\s*0:/.test(output)) return true
      throw new Error(output, { cause: error })
    }
  }

  for (const [alert, { fires, silent }] of Object.entries(cases)) {
    it(`fires ${alert} when it should, and not for similar series`, async () => {
      expect(await isFiring(alert, fires), 'fires when it should').to.equal(true)
      expect(await isFiring(alert, silent), 'fires for similar series').to.equal(false)
    })
  }

  it('reads metrics with the token of a user without other permissions', () => {
    const [endpoint] = [at(found(objects, 'ServiceMonitor', 'hub-runnerhub'), 'spec', 'endpoints', 0)]
    expect(asObject(endpoint)).to.deep.include({ port: 'http', path: '/api/metrics' })
    expect(at(endpoint, 'authorization')).to.deep.equal({
      type: 'Bearer',
      credentials: { name: 'hub-runnerhub-tokens', key: 'runnerhub-metrics' },
    })
    const selected = at(found(objects, 'ServiceMonitor', 'hub-runnerhub'), 'spec', 'selector', 'matchLabels')
    expect(found(objects, 'Service', 'hub-runnerhub').metadata.labels).to.include(asObject(selected))
    expect(found(objects, 'Service', 'hub-runnerhub-realtime').metadata.labels).to.not.include(asObject(selected))
  })
})
