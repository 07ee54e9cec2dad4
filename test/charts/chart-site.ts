import { randomBytes } from 'node:crypto'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Ended, run } from '../../config/local/run.d/program.ts'
import { RUNNER_LABEL } from '../../src/api/names.ts'
import type { KubeObject, NewObject, Resource } from '../../src/api/object.ts'
import { asObject } from '../../src/kube/client/parse.ts'
import { succeeds } from '../kubelet/script.ts'
import { operatorProgram } from '../processes/bundled.ts'
import { manifests } from '../site/manifests.ts'
import { type Plane, sharedPlane } from '../site/plane.ts'
import { Site } from '../site/site.ts'
import { at, chart, helm, type Manifest, manifestsIn } from './chart.ts'

const namespaces: Resource = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace' }
const secrets: Resource<Secret> = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret' }
const forever = new AbortController().signal

interface Secret extends KubeObject {
  data?: Record<string, string>
}

/** A namespace in which the chart is installed: its objects exist, but none of its pods runs. */
export interface ChartSite {
  site: Site
  helm(...args: string[]): Promise<string>
  /** The tokens that the chart has made, by user. */
  tokens(): Promise<Record<string, string>>
  /** Runs the command of a hook's Job with the permissions of the hook. */
  runHook(name: string): Promise<Ended>
  /** Runs a task with the permissions of an existing account. */
  runAs(account: string, args: string[]): Promise<Ended>
}

/**
 * Installs the chart as `hub` into a namespace that enforces the restricted level of Pod Security, and has nothing
 * else.
 */
export function openChartSite(...flags: string[]): Promise<ChartSite> {
  return openRelease({ release: 'hub', fullname: 'hub-runnerhub' }, ...flags)
}

/** The same as the documents do it: the release, and so all that the chart makes, is called `runnerhub`. */
export function openDocumentedSite(...flags: string[]): Promise<ChartSite> {
  return openRelease({ release: 'runnerhub', fullname: 'runnerhub' }, ...flags)
}

async function openRelease(
  { release, fullname }: { release: string; fullname: string },
  ...flags: string[]
): Promise<ChartSite> {
  const plane = await sharedPlane()
  const namespace = `chart-${randomBytes(4).toString('hex')}`
  const [made] = await manifests('config/manifests/namespace.yaml')
  const labels = made?.metadata.labels ?? {}
  const restricted = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } }
  await plane.client.create(namespaces, restricted, forever)
  const { kubeconfig } = plane.controlPlane
  const helmHere = (...args: string[]) => helm(...args, '--namespace', namespace, '--kubeconfig', kubeconfig)
  await helmHere('install', release, chart, '--no-hooks', ...flags)

  const directory = await mkdtemp(join(tmpdir(), 'runnerhub-chart-'))
  const tokens = async (): Promise<Record<string, string>> => {
    const { data } = await plane.client.get(secrets, { namespace, name: `${fullname}-tokens` }, forever)
    const plain = Object.entries(data ?? {}).map(([name, text]): [string, string] => [
      name,
      Buffer.from(text, 'base64').toString(),
    ])
    return Object.fromEntries(plain)
  }
  await writeFile(join(directory, 'tokens.csv'), (await tokens())['tokens.csv'] ?? '')
  const token = await tokenOf(plane, namespace, fullname)
  const site = new Site(plane, namespace, { token, directory })
  // The operator's own pods never get a node.
  site.kubelet.onPod(({ metadata }) => (metadata.labels?.[RUNNER_LABEL] === undefined ? { steps: [] } : succeeds()))
  await Promise.all([site.kubelet.start(), site.history.start()])

  const runAs = async (account: string, args: string[]): Promise<Ended> => {
    const folder = await mkdtemp(join(directory, 'account-'))
    const { connection } = plane.controlPlane
    await writeFile(join(folder, 'token'), await tokenOf(plane, namespace, account))
    await writeFile(join(folder, 'ca.crt'), String((await connection.credentials()).tls.ca))
    const environment = {
      POD_NAMESPACE: namespace,
      KUBERNETES_SERVICE_HOST: connection.server.hostname,
      KUBERNETES_SERVICE_PORT: connection.server.port,
      SERVICE_ACCOUNT_DIRECTORY: folder,
    }
    return run([process.execPath, await operatorProgram(), ...args], { environment }, forever)
  }
  const runHook = async (hook: string): Promise<Ended> => {
    const objects = manifestsIn(await helmHere('get', 'hooks', release)).filter(({ metadata: { name: its } }) => {
      return its === hook || its === `${hook}-${namespace}`
    })
    for (const object of objects) if (object.kind !== 'Job') await createGrant(plane, namespace, object)
    const args: unknown = at(
      objects.find(({ kind }) => kind === 'Job'),
      'spec',
      'template',
      'spec',
      'containers',
      0,
      'args',
    )
    if (!Array.isArray(args)) throw new Error(`no Job ${hook}`)
    return runAs(hook, args.map(String))
  }
  return { site, helm: helmHere, tokens, runHook, runAs }
}

async function createGrant({ client }: Plane, namespace: string, object: Manifest): Promise<void> {
  const [group, version] = object.apiVersion.includes('/') ? object.apiVersion.split('/') : ['', object.apiVersion]
  const resource: Resource = {
    group: group ?? '',
    version: version ?? '',
    plural: `${object.kind.toLowerCase()}s`,
    kind: object.kind,
  }
  const where = object.kind.startsWith('Cluster') ? {} : { namespace }
  const placed: NewObject<KubeObject> = { ...object, metadata: { ...object.metadata, ...where } }
  await client.create(resource, placed, forever)
}

async function tokenOf({ client }: Plane, namespace: string, account: string): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} }
  return String(asObject(asObject(await client.request('POST', path, { body }, forever))['status'])['token'])
}
