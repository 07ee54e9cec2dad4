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
import { listOf } from '../../charts/monitoring.ts'
import { allowedFindings, allows, type Finding, scan, scannerPath } from '../../charts/score.ts'
import { manifests } from '../../site/manifests.ts'
import { type Plane, sharedPlane } from '../../site/plane.ts'
import { serveForeignKinds } from './foreign-kinds.ts'

const namespaces: Resource = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace' }
const forever = new AbortController().signal

/** The manifests for kubectl, without the chart. */
const plainManifests = ['deployment', 'service', 'service-account', 'role', 'cluster-role', 'caller-roles']

describe('every value set of the chart', function () {
  this.timeout('60s')
  const namespace = `chart-${randomBytes(4).toString('hex')}`
  /** Every value set is a release of its own: names show to which of them a message belongs. */
  const releases = valueFiles().map((file, index) => ({ file, release: `set-${String(index).padStart(2, '0')}` }))
  const manifestsOf = new Map<string, string>()
  let plane: Plane
  let output = ''

  before(async function () {
    this.timeout('10m')
    ;[plane] = await Promise.all([sharedPlane(), helmPath(), scannerPath()])
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

  /** kubectl's output for a dry run of all manifests. It does not validate: that costs a second for each of them. */
  async function dryRun(manifest: string): Promise<string> {
    const place = { kubeconfig: plane.controlPlane.kubeconfig, namespace }
    const command = kubectl(place, 'apply', '--validate=false', '--dry-run=server', '--filename=-')
    const { stdout, stderr } = await run(command, { input: manifest }, forever)
    return stdout + stderr
  }

  /** The API server's error for an object with a field that its kind does not have; empty if it has none. */
  async function strictness(object: Manifest): Promise<string> {
    const query = { dryRun: 'All', fieldValidation: 'Strict' }
    return plane.client.request('POST', await pathOf(object), { query, body: object }, forever).then(() => '', String)
  }

  const resourcesOf = new Map<string, Promise<unknown>>()
  /** The path of an object's kind, from the API server's list of resources. */
  async function pathOf({ apiVersion, kind }: Manifest): Promise<string> {
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
    const asked = resourcesOf.get(root) ?? plane.client.request('GET', root, {}, forever)
    resourcesOf.set(root, asked)
    const all = listOf(at(await asked, 'resources')).map(asObject)
    const resource = all.find((each) => each['kind'] === kind && !String(each['name']).includes('/'))
    if (resource === undefined) throw new Error(`${apiVersion} has no ${kind}`)
    const where = resource['namespaced'] === true ? `/namespaces/${namespace}` : ''
    return `${root}${where}/${String(resource['name'])}`
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

  it('is accepted without a warning or an error, with every object', () => {
    const lines = output.split('\n').filter((line) => line !== '')
    expect(lines.filter((line) => !line.endsWith('created (server dry run)'))).to.deep.equal([])
    expect(lines).to.have.length([...manifestsOf.values()].flatMap(manifestsIn).length)
  })

  it('has no finding of kube-score without a reason and its day, and neither have the plain manifests', async () => {
    const plain = await Promise.all(plainManifests.map((name) => manifests(`config/manifests/${name}.yaml`)))
    const texts = [
      ...manifestsOf.values(),
      plain
        .flat()
        .map((object) => JSON.stringify(object))
        .join('\n---\n'),
    ]
    const found: Finding[] = []
    for (const text of texts) found.push(...(await scan(text, forever)))
    const allowed = allowedFindings()
    expect(found.filter((finding) => !allowed.some((entry) => allows(entry, finding)))).to.deep.equal([])
    const unused = allowed.filter((entry) => !found.some((finding) => allows(entry, finding)))
    expect(unused, 'reasons that are not needed any more').to.deep.equal([])
    const undated = allowed.filter(({ reason, decided }) => reason === '' || !/^\d{4}-\d\d-\d\d$/.test(decided))
    expect(undated).to.deep.equal([])
  })

  for (const { file, release } of releases) {
    it(`is accepted by the API server, with pods that the restricted level admits: ${basename(file)}`, async () => {
      const objects = manifestsIn(manifestsOf.get(release) ?? '')
      const deployment = objects.find(({ kind }) => kind === 'Deployment')
      expect(output).to.include(`deployment.apps/${deployment?.metadata.name} created (server dry run)`)
      for (const object of objects) {
        expect(await strictness(object), titleOf(object)).to.equal('')
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
