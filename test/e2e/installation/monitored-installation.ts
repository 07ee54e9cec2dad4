import { randomBytes } from 'node:crypto'
import { clusterTool } from '../../../config/local/run.d/cluster.ts'
import { forward } from '../../../config/local/run.d/forward.ts'
import { askKubectl, kubectl, type Place } from '../../../config/local/run.d/kubectl.ts'
import { outputOf, run } from '../../../config/local/run.d/program.ts'
import { at, chart, helm, type Manifest } from '../../charts/chart.ts'
import { listOf } from '../../charts/monitoring.ts'
import { monitoringKinds } from '../../charts/prometheus-operator.ts'
import { eventually } from '../../observe/eventually.ts'
import { command, localTool } from '../../processes/command.ts'
import { PrometheusApi } from '../clients/prometheus-api.ts'
import {
  operatorObjects,
  prometheusObjects,
  release,
  rightsToWatch,
  type Watching,
} from '../clients/prometheus-objects.ts'
import { prepare, type Prepared } from './image.ts'
import { type Installed, reach } from './installation.ts'

const patient = (): AbortSignal => AbortSignal.timeout(180_000)
const kinds = ['prometheuses', 'servicemonitors', 'podmonitors', 'probes', 'prometheusrules']
const definitions = kinds.map((plural) => `crd/${plural}.monitoring.coreos.com`)

/**
 * An operator that the chart has installed as `hub`, and a Prometheus that the Prometheus Operator runs for it. Closing
 * also removes cluster-wide objects.
 */
export interface MonitoredInstallation extends Installed {
  prometheus: PrometheusApi
  /** The token of the scrapes. */
  metricsToken: string
}

/** Installs both, or removes a partial installation. */
export async function installMonitored(): Promise<MonitoredInstallation> {
  const prepared = await prepare()
  const { kubeconfig } = prepared.cluster
  const suffix = randomBytes(4).toString('hex')
  const watching = {
    namespace: `monitoring-${suffix}`,
    watched: `monitored-${suffix}`,
    image: await loadedImage(prepared),
  }
  try {
    await deploy(prepared, watching)
    return await connect(prepared, watching)
  } catch (error) {
    const remaining = await remove(kubeconfig, watching).then(() => '', String)
    throw new Error(`${String(error)}\n${remaining}`, { cause: error })
  }
}

/**
 * Prometheus comes last: its first configuration has the existing objects, a later one reaches its pod only when the
 * kubelet next syncs the Secret.
 */
async function deploy(prepared: Prepared, watching: Watching): Promise<void> {
  const { kubeconfig } = prepared.cluster
  const [place, their] = placesOf(kubeconfig, watching)
  await apply(place, await monitoringKinds(kinds))
  await served(place)
  await apply(place, [namespaceOf(watching.namespace), namespaceOf(watching.watched)])
  await apply(their, await operatorObjects(watching))
  await installChart(place, prepared)
  await withoutToken(place)
  await apply(place, [rightsToWatch(watching)])
  await apply(their, await prometheusObjects(watching))
  await ask(place, 'rollout', 'status', 'deployment/hub-runnerhub', '--timeout=120s')
  await rolledOut(their, 'statefulset/prometheus-e2e')
}

async function connect(prepared: Prepared, watching: Watching): Promise<MonitoredInstallation> {
  const { kubeconfig } = prepared.cluster
  const [place, their] = placesOf(kubeconfig, watching)
  const hub = await reach(prepared, place, { rest: 'hub-runnerhub', realtime: 'hub-runnerhub-realtime' })
  const stop = new AbortController()
  const itsPort = { place: their, service: 'prometheus-operated', localPort: 0, servicePort: 9090 }
  const prometheus = await forward({ ...itsPort, report: () => undefined }, stop.signal)
  const token = await ask(place, 'get', 'secret', 'hub-runnerhub-tokens', '--output=jsonpath={.data.runnerhub-metrics}')
  return {
    hub,
    prometheus: new PrometheusApi(`http://127.0.0.1:${prometheus.port}`),
    metricsToken: Buffer.from(token, 'base64').toString(),
    async close() {
      stop.abort(new Error('the tests are over'))
      await Promise.all([prometheus.ended, hub.leave()])
      await remove(kubeconfig, watching)
    },
  }
}

/** The namespaces of the hub and of Prometheus. */
function placesOf(kubeconfig: string, { namespace, watched }: Watching): [Place, Place] {
  return [
    { kubeconfig, namespace: watched },
    { kubeconfig, namespace },
  ]
}

/** Builds the image of Prometheus and its operator, if it does not exist, and loads it into the cluster. */
async function loadedImage({ cluster }: Prepared): Promise<string> {
  const [image = '', archive = ''] = (await command(localTool('prometheus-image'), cluster.baseImage)).split('\n')
  await outputOf([clusterTool, 'load-image', archive], patient())
  return image
}

/** Waits until the kinds are served. `kubectl wait` fails on a definition that has no condition yet. */
async function served(place: Place): Promise<void> {
  const names = kinds.map((plural) => `${plural}.monitoring.coreos.com`).join(',')
  await eventually(() => ask(place, 'get', names, '--all-namespaces').then(() => true), {
    what: `${names} to be served`,
    withinMs: 60_000,
    everyMs: 200,
  })
}

async function installChart(place: Place, { cluster, image }: Prepared): Promise<void> {
  const colon = image.lastIndexOf(':')
  const values = {
    'image.repository': image.slice(0, colon),
    'image.tag': image.slice(colon + 1),
    'defaultPool.image': cluster.baseImage,
    // Each scrape without a token counts as a refusal of Prometheus' address.
    'settings.rateLimitMax': '2000000',
    'monitoring.serviceMonitor.enabled': 'true',
    'monitoring.serviceMonitor.interval': '2s',
    'monitoring.serviceMonitor.labels.release': release,
    'monitoring.prometheusRule.enabled': 'true',
    'monitoring.prometheusRule.labels.release': release,
    'monitoring.dashboard.enabled': 'true',
  }
  const flags = Object.entries(values).flatMap(([name, value]) => ['--set', `${name}=${value}`])
  const { kubeconfig, namespace } = place
  await helm('install', 'hub', chart, '--kubeconfig', kubeconfig, '--namespace', namespace, ...flags)
}

/** A copy of the chart's ServiceMonitor, `without-token`, whose scrapes send no token. */
async function withoutToken(place: Place): Promise<void> {
  const monitor: unknown = JSON.parse(await ask(place, 'get', 'servicemonitor', 'hub-runnerhub', '--output=json'))
  const [endpoint] = listOf(at(monitor, 'spec', 'endpoints'))
  const { port, path, interval } = { port: at(endpoint, 'port'), path: at(endpoint, 'path'), interval: '2s' }
  await apply(place, [
    {
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'ServiceMonitor',
      metadata: { name: 'without-token', labels: { release } },
      // Another job label, or the series of both would be equal.
      spec: {
        jobLabel: 'app.kubernetes.io/component',
        selector: at(monitor, 'spec', 'selector'),
        endpoints: [{ port, path, interval }],
      },
    },
  ])
}

/** Waits for the workloads of the Prometheus Operator. */
async function rolledOut(place: Place, workload: string): Promise<void> {
  const what = `${workload} to run`
  const ready = () => ask(place, 'rollout', 'status', workload, '--timeout=30s')
  try {
    await eventually(ready, { what, withinMs: 180_000, everyMs: 500 })
  } catch (error) {
    const queries = [
      ['get', 'pods,prometheus'],
      ['logs', 'deployment/operator', '--tail=20'],
      ['logs', 'prometheus-e2e-0', '--tail=20'],
      ['get', 'events'],
    ]
    const outputs = await Promise.all(queries.map((args) => ask(place, ...args).catch(String)))
    throw new Error(`${String(error)}\n${outputs.join('\n')}`, { cause: error })
  }
}

/** Removes everything that exists; a failure does not stop the rest. */
async function remove(kubeconfig: string, watching: Watching): Promise<void> {
  const [place, their] = placesOf(kubeconfig, watching)
  const { namespace, watched } = watching
  const ifExisting = ['--ignore-not-found', '--timeout=120s']
  const wide = [`clusterrole/${namespace}-operator`, `clusterrole/${namespace}-prometheus`]
  const removals = [
    () => ask(their, 'delete', 'prometheus', '--all', ...ifExisting),
    () => helm('uninstall', 'hub', '--kubeconfig', kubeconfig, '--namespace', watched, '--ignore-not-found'),
    () => ask(place, 'delete', ...definitions, ...ifExisting),
    () => ask(place, 'delete', ...wide, `clusterrolebinding/${namespace}-operator`, ...ifExisting),
    () => ask(place, 'delete', 'namespace', namespace, watched, '--ignore-not-found', '--wait=false'),
  ]
  const failures: unknown[] = []
  for (const removal of removals) await removal().catch((error: unknown) => failures.push(error))
  if (failures.length > 0) throw new AggregateError(failures, failures.join('\n'))
}

function namespaceOf(name: string): Manifest {
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }
}

function ask(place: Place, ...args: string[]): Promise<string> {
  return askKubectl(place, args, patient())
}

/** Applies on the server side: the definitions are too large for the annotation of a client-side apply. */
async function apply(place: Place, items: Manifest[]): Promise<void> {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
  const applied = kubectl(place, 'apply', '--server-side', '--force-conflicts', '--filename=-')
  const { code, stderr } = await run(applied, { input }, patient())
  if (code !== 0) throw new Error(`cannot apply ${items.map(({ metadata }) => metadata.name).join(', ')}: ${stderr}`)
}
