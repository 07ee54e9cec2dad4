import { randomBytes } from 'node:crypto'
import { forward } from '../../config/local/run.d/forward.ts'
import { askKubectl } from '../../config/local/run.d/kubectl.ts'
import { localTokens } from '../../config/local/run.d/tokens.ts'
import { KubeClient } from '../../src/kube/client.ts'
import { fromKubeconfig } from '../../src/kube/connection.ts'
import { chart, helm } from '../chart.ts'
import { prepare } from './image.ts'
import { Installation } from './installation.ts'

const patient = (): AbortSignal => AbortSignal.timeout(120_000)
/** Longer than any of them takes on a busy machine. */
const timeout = '--timeout=5m'

/** An installation by the chart, as release `runnerhub`, in a namespace that enforces the restricted level. */
export interface ChartInstallation {
  hub: Installation
  helm(verb: string, ...args: string[]): Promise<string>
  /** Stops forwarding. What the tests have not removed is removed. */
  close(): Promise<void>
}

/** Installs the image of the present sources by the chart. */
export async function installByChart(): Promise<ChartInstallation> {
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
  }
  const flags = Object.entries(values).flatMap(([name, value]) => ['--set', `${name}=${value}`])
  await helmHere('install', 'runnerhub', chart, '--wait', timeout, ...flags)

  const stop = new AbortController()
  const open = (service: string, servicePort: number) =>
    forward({ place, service, localPort: 0, servicePort, tell: () => undefined }, stop.signal)
  const [http, realtime] = [await open('runnerhub', 3000), await open('runnerhub-realtime', 3001)]
  const client = new KubeClient(await fromKubeconfig(place.kubeconfig), { userAgent: 'runnerhub-test' })
  return {
    hub: new Installation({ prepared, place, client, http, realtime, stop }),
    helm: (verb, ...args) => helmHere(verb, ...args, ...(verb === 'list' ? [] : [timeout])),
    async close() {
      stop.abort(new Error('the tests are over'))
      await helmHere('uninstall', 'runnerhub', '--ignore-not-found', timeout)
      await kubectl('delete', 'namespace', place.namespace, '--ignore-not-found', '--wait=false')
      await Promise.all([http.ended, realtime.ended])
      await client.close()
    },
  }
}
