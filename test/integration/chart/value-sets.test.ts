import { randomBytes } from 'node:crypto'
import { basename } from 'node:path'
import { expect } from 'chai'
import { kubectl } from '../../../config/local/run.d/kubectl.ts'
import { run } from '../../../config/local/run.d/program.ts'
import type { Resource } from '../../../src/api/object.ts'
import { pods } from '../../../src/api/pod.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { resourcePath } from '../../../src/kube/client/resource-path.ts'
import { at, chart, helm, helmPath, type Manifest, render, titleOf, valueFiles } from '../../charts/chart.ts'
import { manifests } from '../../site/manifests.ts'
import { type Plane, sharedPlane } from '../../site/plane.ts'
import { serveForeignKinds } from './foreign-kinds.ts'

const namespaces: Resource = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace' }
const forever = new AbortController().signal

describe('every value set of the chart', function () {
  this.timeout('60s')
  const namespace = `chart-${randomBytes(4).toString('hex')}`
  const files = valueFiles()
  let plane: Plane

  before(async function () {
    this.timeout('10m')
    ;[plane] = await Promise.all([sharedPlane(), helmPath()])
    await makeNamespace()
    await serveForeignKinds()
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

  /** The API server's output for a dry run of a manifest. */
  async function dryRun(manifest: string): Promise<string> {
    const place = { kubeconfig: plane.controlPlane.kubeconfig, namespace }
    const command = kubectl(place, 'apply', '--dry-run=server', '--filename=-')
    const { code, stdout, stderr } = await run(command, { input: manifest }, forever)
    if (code !== 0) throw new Error(stderr)
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

  it('is one of fifteen at least', () => expect(files).to.have.length.at.least(15))

  for (const file of files) {
    it(`is accepted by the API server, with pods that the restricted level admits: ${basename(file)}`, async () => {
      const output = await dryRun(await helm('template', 'hub', chart, '--namespace', namespace, '--values', file))
      expect(output).to.not.match(/Warning/)
      expect(output).to.match(/deployment.apps\/\S+ created \(server dry run\)/)
      for (const object of await render('--values', file)) {
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
