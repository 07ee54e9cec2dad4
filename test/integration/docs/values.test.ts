import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { at, helmPath, type Manifest, render } from '../../charts/chart.ts'
import { blockOf, commandOf } from '../../documents/documents.ts'

describe('values in the documents', function () {
  this.timeout('60s')
  let folder: string

  before(async function () {
    this.timeout('10m')
    await helmPath()
    folder = await mkdtemp(join(tmpdir(), 'runnerhub-values-'))
  })
  after(() => rm(folder, { recursive: true }))

  /** The objects of the chart with a block of its README as values. */
  async function rendered(part: string): Promise<Manifest[]> {
    const file = join(folder, 'values.yaml')
    await writeFile(file, blockOf('charts/runnerhub/README.md', 'yaml', part))
    return render('--values', file)
  }

  it('keep a session on one replica behind ingress-nginx, by a cookie', async () => {
    const ingresses = (await rendered('ingress:')).filter(({ kind }) => kind === 'Ingress')
    const realtime = ingresses.find((each) => at(each, 'spec', 'rules', 0, 'host') === 'realtime.example.com')
    expect(at(realtime, 'spec', 'ingressClassName')).to.equal('nginx')
    expect(realtime?.metadata.annotations).to.include({ 'nginx.ingress.kubernetes.io/affinity': 'cookie' })
    expect(realtime?.metadata.annotations).to.include({ 'nginx.ingress.kubernetes.io/proxy-read-timeout': '3600' })
  })

  it('keep a session on one replica behind a Gateway that can, by a cookie', async () => {
    const routes = (await rendered('gateway:')).filter(({ kind }) => kind === 'HTTPRoute')
    const hosts = (route: Manifest): unknown => at(route, 'spec', 'hostnames', 0)
    const realtime = routes.find((route) => hosts(route) === 'realtime.example.com')
    expect(at(realtime, 'spec', 'parentRefs', 0, 'name')).to.equal('public')
    expect(at(realtime, 'spec', 'rules', 0, 'sessionPersistence')).to.include({
      type: 'Cookie',
      sessionName: 'runnerhub',
    })
  })

  it('enable everything that the command for monitoring needs', async () => {
    const command = commandOf(
      'docs/operations.md',
      'helm upgrade runnerhub charts/runnerhub --namespace runnerhub --reset-then-reuse-values \\',
    )
    const [, values = ''] = /--set (\S+)/.exec(command) ?? []
    const kinds = (await render('--set', values)).map(({ kind, metadata: { name } }) => `${kind} ${name}`)
    expect(kinds).to.include.members([
      'ServiceMonitor hub-runnerhub',
      'PrometheusRule hub-runnerhub',
      'ConfigMap hub-runnerhub-dashboard',
    ])
  })
})
