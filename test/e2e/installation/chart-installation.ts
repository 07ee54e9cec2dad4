import { randomBytes } from 'node:crypto'
import { askKubectl } from '../../../config/local/run.d/kubectl.ts'
import { localTokens } from '../../../config/local/run.d/tokens.ts'
import { chart, helm } from '../../charts/chart.ts'
import { prepare } from './image.ts'
import { type Installed, reach } from './installation.ts'

const patient = (): AbortSignal => AbortSignal.timeout(120_000)
/** A time limit beyond the duration of any command on a busy machine. */
const timeout = '--timeout=5m'

/** An installation by the chart, as release `runnerhub`, in a namespace that enforces the restricted level. */
export interface ChartInstallation extends Installed {
  helm(verb: string, ...args: string[]): Promise<string>
}

/** Installs the image of these sources by the chart: two replicas, and the defaults unless these values differ. */
export async function installByChart(more: Record<string, string> = {}): Promise<ChartInstallation> {
  const prepared = await prepare()
  const { cluster, image } = prepared
  const place = { kubeconfig: cluster.kubeconfig, namespace: `chart-${randomBytes(4).toString('hex')}` }
  const kubectl = (...args: string[]) => askKubectl(place, args, patient())
  await kubectl('create', 'namespace', place.namespace)
  await kubectl('label', 'namespace', place.namespace, 'pod-security.kubernetes.io/enforce=restricted')
  const files = { 'tokens.csv': localTokens, 'runnerhub-proxy': 'your-token' }
  const literals = Object.entries(files).map(([name, text]) => `--from-literal=${name}=${text}`)
  await kubectl('create', 'secret', 'generic', 'my-tokens', ...literals)

  const here = ['--namespace', place.namespace, '--kubeconfig', place.kubeconfig]
  const helmHere = (...args: string[]) => helm(...args, ...here)
  const colon = image.lastIndexOf(':')
  const values = {
    'image.repository': image.slice(0, colon),
    'image.tag': image.slice(colon + 1),
    'defaultPool.image': cluster.baseImage,
    'auth.existingSecret': 'my-tokens',
    'settings.rateLimitMax': '2000000',
    ...more,
  }
  const flags = Object.entries(values).flatMap(([name, value]) => ['--set', `${name}=${value}`])
  await helmHere('install', 'runnerhub', chart, '--wait', timeout, ...flags)

  const hub = await reach(prepared, place, { rest: 'runnerhub', realtime: 'runnerhub-realtime' })
  return {
    hub,
    helm: (verb, ...args) => helmHere(verb, ...args, ...(verb === 'list' ? [] : [timeout])),
    async close() {
      try {
        await helmHere('uninstall', 'runnerhub', '--ignore-not-found', timeout)
        await kubectl('delete', 'namespace', place.namespace, '--ignore-not-found', '--wait=false')
      } finally {
        await hub.leave()
      }
    },
  }
}
