import { randomBytes } from 'node:crypto'
import { basename } from 'node:path'
import { expect } from 'chai'
import { kubectl } from '../../../config/local/run.d/kubectl.ts'
import { run } from '../../../config/local/run.d/program.ts'
import type { Resource } from '../../../src/api/object.ts'
import { pods } from '../../../src/api/pod.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { resourcePath } from '../../../src/kube/client/resource-path.ts'
import { at, chart, helm, helmPath, type Manifest, manifestsIn, titleOf, valueFiles } from '../../charts/chart.ts'
import { manifests } from '../../site/manifests.ts'
import { type Plane, sharedPlane } from '../../site/plane.ts'
import { serveForeignKinds } from './foreign-kinds.ts'

const namespaces: Resource = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace' }
const forever = new AbortController().signal

describe('every value set of the chart', function () {
  this.timeout('60s')
  const namespace = `chart-${randomBytes(4).toString('hex')}`
  /** Every value set is a release of its own, so that each line of kubectl's output belongs to one. */
  const releases = valueFiles().map((file, index) => ({ file, release: `set-${String(index).padStart(2, '0')}` }))
  const manifestsOf = new Map<string, string>()
  let plane: Plane
  let output = ''

  before(async function () {
    this.timeout('10m')
    ;[plane] = await Promise.all([sharedPlane(), helmPath()])
    await makeNamespace()
    await serveForeignKinds()
    for (const { file, release } of releases) {
      const manifest = await helm('template', release, chart, '--namespace', namespace, '--values', file)
      manifestsOf.set(release, manifest)
    }
    output = await dryRun([...manifestsOf.values()].join('\n---\n'))
  })

  /** A namespace that refuses pods below the restricted level of Pod Security. */
  async function makeNamespace(): Promise<void> {
    const [made] = await manifests('config/manifests/namespace.yaml')
    const metadata = { ...made?.metadata, name: namespace }
    await plane.client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata }, forever)
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } }
    const accounts: Resource = { group: '', version: 'v1', plural: 'serviceaccounts', kind: 'ServiceAccount' }
    await plane.client.create(accounts, account, forever).catch(() => undefined)
  }

  /** The API server's output for a dry run of all manifests: kubectl takes a second to start. */
  async function dryRun(manifest: string): Promise<string> {
    const place = { kubeconfig: plane.controlPlane.kubeconfig, namespace }
    const command = kubectl(place, 'apply', '--dry-run=server', '--filename=-')
    const { stdout, stderr } = await run(command, { input: manifest }, forever)
    return stdout + stderr
  }

  /** The API server's output for the pod of an object, in a namespace with the restricted level. */
  async function admission(pod: unknown): Promise<string> {
    const body = {
      ...asObject(pod),
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...asObject(asObject(pod)['metadata']), name: 'check' },
      // The account and the priority class may come from the user.
      spec: { ...asObject(asObject(pod)['spec']), serviceAccountName: 'default' },
    }
    const path = resourcePath(pods, namespace)
    const admitted = plane.client.request('POST', path, { query: { dryRun: 'All' }, body }, forever)
    return admitted.then(
      () => 'admitted',
      (error: unknown) => String(error),
    )
  }

  it('is one of fifteen at least', () => expect(releases).to.have.length.at.least(15))

  it('is accepted without a warning or an error', () => {
    const lines = output.split('\n').filter((line) => line !== '' && !line.endsWith('created (server dry run)'))
    expect(lines).to.deep.equal([])
  })

  for (const { file, release } of releases) {
    it(`is accepted by the API server, with pods that the restricted level admits: ${basename(file)}`, async () => {
      expect(output).to.include(`deployment.apps/${release}-runnerhub created (server dry run)`)
      const objects = manifestsIn(manifestsOf.get(release) ?? '')
      const accepted = output.split('\n').filter((line) => line.includes(release) && line.endsWith('(server dry run)'))
      expect(accepted).to.have.length(objects.length)
      for (const object of objects) {
        const pod = podOf(object)
        if (pod !== undefined) expect(await admission(pod), titleOf(object)).to.equal('admitted')
      }
    })
  }
})

/** The pod template of an object. */
function podOf(object: Manifest): unknown {
  if (object.kind === 'Pod') return object
  if (object.kind === 'Deployment' || object.kind === 'Job') return at(object, 'spec', 'template')
  return undefined
}
