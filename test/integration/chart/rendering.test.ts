import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { parse, stringify } from 'yaml'
import {
  at,
  chart,
  chartFile,
  found,
  helm,
  helmPath,
  manifestsIn,
  refusalOf,
  titleOf,
  valueFiles,
} from '../../charts/chart.ts'
import { blockOf } from '../../documents/documents.ts'

/** Helm's message for another chart that it refuses to render. */
const refused = (folder: string, ...flags: string[]): Promise<string> =>
  helm('template', 'release', folder, ...flags).then(() => 'not refused', String)

describe('the chart without a cluster', function () {
  this.timeout('60s')
  const template = (...flags: string[]) => helm('template', 'hub', chart, '--namespace', 'hub', ...flags)
  before(async function () {
    this.timeout('10m')
    await helmPath()
  })

  const everything = ['monitoring.serviceMonitor', 'monitoring.prometheusRule', 'monitoring.dashboard', 'ingress']
  const all = everything
    .map((part) => `${part}.enabled=true`)
    .concat('networkPolicy.operator.enabled=true')
    .join(',')
  const secret = 'a-token-of-sixteen-characters'
  const token = `token=${secret}`
  const stable: Record<string, string> = {
    'auth.generate is false': 'auth.generate=false',
    'the Secret of tokens is the user’s': 'auth.existingSecret=mine',
    'each user has a token': `auth.users[0].name=runnerhub-metrics,auth.users[0].${token}`,
  }
  for (const [where, flag] of Object.entries(stable)) {
    it(`renders the same bytes, as installation and as upgrade, if ${where}`, async () => {
      const flags = ['--set', all, '--set', flag]
      const [once, again, upgrade] = await Promise.all([
        template(...flags),
        template(...flags),
        template(...flags, '--is-upgrade'),
      ])
      expect(again).to.equal(once)
      expect(upgrade).to.equal(once)
    })
  }

  it('renders every value set the same with that one flag', async () => {
    for (const file of valueFiles()) {
      // Of its users, one has a token and the other has none.
      const given = file.includes('given-tokens')
        ? ['--set-json', `auth.users=[{"name":"one","token":"${secret}"}]`]
        : []
      const flags = ['--values', file, '--set', 'auth.generate=false', ...given]
      const [once, again] = await Promise.all([template(...flags), template(...flags)])
      expect(again, file).to.equal(once)
    }
  })

  it('renders nothing else differently each time', async () => {
    const unsteady =
      /\b(rand\w+|gen[A-Z]\w+|uuidv4|now|ago|date\w*|lookup|htpasswd|bcrypt|encryptAES|shuffle|getHostByName|Release\.(Revision|IsInstall|IsUpgrade)|Capabilities)\b/g
    const files = (await readdir(join(chart, 'templates'))).filter((file) => file !== 'NOTES.txt')
    const texts = await Promise.all(files.map((file) => chartFile(`templates/${file}`)))
    const uses = files.flatMap((file, index) => {
      const actions = [...(texts[index] ?? '').matchAll(/\{\{-?(?!\s*\/\*).*?\}\}/gs)].map(([action]) => action)
      return actions.flatMap((action) => [...action.matchAll(unsteady)].map(([word]) => `${file} ${word}`))
    })
    expect(uses).to.deep.equal(['tokens.yaml lookup', 'tokens.yaml randAlphaNum'])
  })

  it('makes no Secret with auth.generate=false, and the operator waits for none', async () => {
    const objects = manifestsIn(await template('--set', 'auth.generate=false'))
    expect(objects.map(({ kind }) => kind)).to.not.include('Secret')
    const [volume] = [at(found(objects, 'Deployment', 'hub-runnerhub'), 'spec', 'template', 'spec', 'volumes', 0)]
    expect(at(volume, 'secret')).to.include({ secretName: 'hub-runnerhub-tokens', optional: true })
  })

  it('rejects auth.generate=false if some users have no token, and names them', async () => {
    const users = `auth.users[0].name=ada,auth.users[0].${token},auth.users[1].name=grace`
    const message = await refusalOf('--set', `auth.generate=false,${users}`)
    expect(message).to.include('auth.generate is false, and user "grace" of auth.users has no token')
  })
})

describe('the chart as a dependency', function () {
  this.timeout('60s')
  let directory: string
  before(async function () {
    this.timeout('10m')
    await helmPath()
    directory = await mkdtemp(join(tmpdir(), 'runnerhub-parent-'))
  })
  after(() => rm(directory, { recursive: true, force: true }))

  type Dependency = { name: string; version?: string; repository: string; condition?: string; alias?: string }

  /** A chart that depends on others, in a new folder. */
  async function parent(name: string, dependencies: Dependency[], values: object = {}): Promise<string> {
    const folder = join(directory, name)
    await mkdir(folder)
    const versioned = dependencies.map((dependency) => ({ version: '>=0.0.0', ...dependency }))
    const meta = { apiVersion: 'v2', name, version: '1.0.0', dependencies: versioned }
    await writeFile(join(folder, 'Chart.yaml'), stringify(meta))
    await writeFile(join(folder, 'values.yaml'), stringify(values))
    await helm('dependency', 'build', folder)
    return folder
  }

  const own = { name: 'runnerhub', repository: `file://${chart}` }
  const render = async (folder: string, ...flags: string[]) =>
    manifestsIn(await helm('template', 'release', folder, '--namespace', 'hub', ...flags))

  it('is enabled by the condition of its parent, which may pass global values', async () => {
    const condition = 'runnerhub.enabled'
    const values = { global: { imageRegistry: 'images.example.com', more: [1] }, runnerhub: { replicaCount: 3 } }
    // As in docs/install.md, except for the location of the chart.
    const documented = at(parse(blockOf('docs/install.md', 'yaml', 'condition:')), 'dependencies', 0)
    expect(documented).to.include({ name: own.name, condition })
    const folder = await parent('platform', [{ ...own, version: String(at(documented, 'version')), condition }], values)
    for (const flags of [[], ['--set', `${condition}=true`]]) {
      const objects = await render(folder, ...flags)
      expect(at(found(objects, 'Deployment', 'release-runnerhub'), 'spec', 'replicas')).to.equal(3)
      expect(objects.map(titleOf)).to.include('RunnerPool default')
    }
    expect(await render(folder, '--set', `${condition}=false`)).to.deep.equal([])
    expect(await helm('lint', '--strict', folder, '--set', `${condition}=true`)).to.include('0 chart(s) failed')
  })

  it('has its values checked as strictly as without a parent', async () => {
    const folder = await parent('strict', [own])
    const message = await refused(folder, '--set', 'runnerhub.replicas=3')
    expect(message).to.include("additional properties 'replicas' not allowed")
    expect(await refused(folder, '--set', 'runnerhub.enabled=maybe')).to.include('got string, want boolean')
  })

  it('can be used twice, under names that are no names of objects', async () => {
    const dependencies = ['teamA', 'team_b'].map((alias) => ({ ...own, alias, condition: `${alias}.enabled` }))
    const folder = await parent('teams', dependencies, { teamA: { enabled: true }, team_b: { enabled: true } })
    const objects = await render(folder)
    const names = objects.filter(({ kind }) => kind === 'Deployment').map(({ metadata }) => metadata.name)
    expect(names).to.have.members(['release-teama', 'release-team-b'])
    for (const { metadata } of objects) expect(metadata.name).to.match(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/)
    // Each selects only its own pods.
    const selectors = objects.flatMap((object) => (object.kind === 'Service' ? [at(object, 'spec', 'selector')] : []))
    expect(new Set(selectors.map((selector) => at(selector, 'app.kubernetes.io/name')))).to.have.all.keys(
      'teamA',
      'team_b',
    )
    const only = await render(folder, '--set', 'teamA.enabled=false')
    expect(only.filter(({ kind }) => kind === 'Deployment')).to.have.length(1)
  })

  it('can be a dependency of a dependency, and renders the same each time with its flag', async () => {
    const inner = await parent('inner', [{ ...own, condition: 'runnerhub.enabled' }])
    const folder = await parent('outer', [{ name: 'inner', repository: `file://${inner}` }])
    const flags = ['--set', 'global.environment=test,inner.runnerhub.enabled=true,inner.runnerhub.auth.generate=false']
    const [once, again] = [
      await helm('template', 'release', folder, ...flags),
      await helm('template', 'release', folder, ...flags),
    ]
    expect(manifestsIn(once).map(titleOf)).to.include('Deployment release-runnerhub')
    expect(again).to.equal(once)
  })
})
