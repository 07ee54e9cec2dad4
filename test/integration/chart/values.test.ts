import { expect } from 'chai'
import { parse } from 'yaml'
import { documentedValues } from '../../../config/chart/documented-values.ts'
import { passableSettings } from '../../../config/local/run.d/operator-settings.ts'
import { readConfig } from '../../../src/config.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { at, chart, chartFile, found, helm, helmPath, refusalOf, render, titleOf } from '../../charts/chart.ts'
import { manifests } from '../../site/manifests.ts'

describe('the values of the chart', function () {
  this.timeout('30s')
  before(async function () {
    // Helm is built on its first use on a machine.
    this.timeout('10m')
    await helmPath()
  })

  it('pass helm lint --strict', async () => {
    expect(await helm('lint', '--strict', chart)).to.include('1 chart(s) linted, 0 chart(s) failed')
  })

  const wrong: [flag: string, place: string, why: RegExp][] = [
    ['replicas=3', "''", /additional properties 'replicas' not allowed/],
    ['replicaCount=two', '/replicaCount', /got string, want integer/],
    ['replicaCount=0', '/replicaCount', /minimum: got 0, want 1/],
    ['image.tags=1', '/image', /additional properties 'tags' not allowed/],
    ['image.digest=abc', '/image/digest', /does not match pattern/],
    ['image.pullPolicy=Sometimes', '/image/pullPolicy', /value must be one of 'Always', 'IfNotPresent', 'Never'/],
    ['settings.rateLimitMaximum=3', '/settings', /additional properties 'rateLimitMaximum' not allowed/],
    ['settings.logLevel=loud', '/settings/logLevel', /value must be one of 'debug', 'info', 'warn', 'error'/],
    ['settings.leaseSeconds=1', '/settings/leaseSeconds', /minimum: got 1, want 2/],
    ['settings.httpPort=1', '/settings', /additional properties 'httpPort' not allowed/],
    ['auth.users[0].name=Ada Lovelace', '/auth/users/0/name', /does not match pattern/],
    ['ingress.rest.hostname=x', '/ingress/rest', /additional properties 'hostname' not allowed/],
    ['gateway.enabled=true', '/gateway/parentRefs', /minItems: got 0, want 1/],
    ['service.type=Internal', '/service/type', /value must be one of/],
    ['defaultPool.maxRunners=-1', '/defaultPool/maxRunners', /minimum: got -1, want 0/],
    ['networkPolicy.runners.except[0]=10.0.0.1', '/networkPolicy/runners/except/0', /does not match pattern/],
  ]
  for (const [flag, place, why] of wrong) {
    it(`are rejected if invalid, with the path and the reason: ${flag}`, async () => {
      const message = await refusalOf('--set', flag)
      expect(message).to.match(why)
      expect(message).to.include(`at '${place.replaceAll("'", '')}'`)
    })
  }

  it('name a token of auth.users, or are rejected for a ServiceMonitor and disable the helm test', async () => {
    const users = (...names: string[]) => names.map((name, index) => `auth.users[${index}].name=${name}`)
    const titlesWith = async (...values: string[]) => (await render('--set', values.join())).map(titleOf)
    const test = 'Pod hub-runnerhub-test'
    expect(await titlesWith(...users('runnerhub-proxy'))).to.include(test)
    expect(await titlesWith(...users('me'))).to.not.include(test)
    expect(await titlesWith(...users('me'), 'test.tokenKey=me')).to.include(test)
    expect(await titlesWith('auth.existingSecret=mine', ...users('me'))).to.include(test)

    const monitor = 'monitoring.serviceMonitor'
    const refused = await refusalOf('--set', [...users('me', 'you'), `${monitor}.enabled=true`].join())
    expect(refused).to.include(`${monitor}.tokenKey is "runnerhub-metrics", but auth.users has no user of that name`)
    const named = await titlesWith(...users('me', 'you'), `${monitor}.enabled=true`, `${monitor}.tokenKey=you`)
    expect(named).to.include('ServiceMonitor hub-runnerhub')
  })

  it('are all documented', async () => {
    const values = documentedValues(await chartFile('values.yaml'))
    const silent = values.filter(({ text }) => text.length < 5).map(({ path }) => path)
    expect(silent).to.deep.equal([])
    expect(values.map(({ path }) => path)).to.include.members(['replicaCount', 'image.tag', 'auth.users', 'resources'])
    const readme = await chartFile('README.md')
    for (const { path } of values) expect(readme).to.include(`\`${path}\``)
  })

  it('turn the page off with page.enabled=false, and not before', async () => {
    const settingsWith = async (...flags: string[]) =>
      at(found(await render(...flags), 'ConfigMap', 'hub-runnerhub'), 'data')
    expect(await settingsWith()).not.to.have.property('PAGE')
    expect(await settingsWith('--set', 'page.enabled=false')).to.have.property('PAGE', 'false')
  })

  it('reach the operator: every setting is passed on and accepted', async () => {
    // Strings without a default have a format that only the operator knows.
    const known = passableSettings().filter(
      ({ default: fallback, schema }) => fallback !== undefined || schema.type !== 'string',
    )
    const examples = known.map(({ name, env, default: fallback, schema }) => {
      if ('enum' in schema) return { name, env, value: schema.enum.at(-1) ?? '' }
      if ('maximum' in schema) return { name, env, value: String(schema.maximum) }
      return { name, env, value: schema.type === 'boolean' ? 'true' : (fallback ?? '') }
    })
    const flags = examples.flatMap(({ name, value }) => ['--set', `settings.${name}=${value}`])
    const data = asObject(
      found(await render(...flags, '--set', 'replicaCount=1'), 'ConfigMap', 'hub-runnerhub')['data'],
    )
    expect(data).to.deep.equal(Object.fromEntries(examples.map(({ env, value }) => [env, value])))
    const env = Object.fromEntries(Object.entries(data).map(([name, value]) => [name, String(value)]))
    expect(() => readConfig([], env)).to.not.throw()
  })

  it('are passed on unchanged, for any text', async () => {
    const flag = String.raw`settings.trustedProxies=10.0.0.0/8\,fd00::/8`
    const data = asObject(found(await render('--set', flag), 'ConfigMap', 'hub-runnerhub')['data'])
    expect(data['TRUSTED_PROXIES']).to.equal('10.0.0.0/8,fd00::/8')
  })

  it('divide the rate limit by the replicas, upwards', async () => {
    const limitOf = async (replicas: number, max: number): Promise<unknown> => {
      const flags = ['--set', `replicaCount=${replicas},settings.rateLimitMax=${max}`]
      return at(found(await render(...flags), 'ConfigMap', 'hub-runnerhub'), 'data', 'RATE_LIMIT_MAX')
    }
    expect(await limitOf(1, 100)).to.equal('100')
    expect(await limitOf(2, 100)).to.equal('50')
    expect(await limitOf(3, 100)).to.equal('34')
    expect(await limitOf(5, 2)).to.equal('1')
    expect(await limitOf(2, 1_000_000_000)).to.equal('500000000')
  })

  it('that change a setting change the pods; a token does not', async () => {
    const checksumOf = async (flag: string): Promise<unknown> => {
      const deployment = found(await render('--set', flag), 'Deployment', 'hub-runnerhub')
      return at(deployment, 'spec', 'template', 'metadata', 'annotations', 'checksum/settings')
    }
    const before = await checksumOf('settings.workers=7')
    expect(await checksumOf('settings.workers=8'))
      .to.be.a('string')
      .and.not.equal(before)
    expect(
      await checksumOf('settings.workers=7,auth.users[0].name=me,auth.users[0].token=sixteen-characters'),
    ).to.equal(before)
  })

  it('create replicas that are spread, probed, and drained before they stop', async () => {
    const objects = await render('--set', 'drainSeconds=9,replicaCount=3')
    const spec = at(found(objects, 'Deployment', 'hub-runnerhub'), 'spec')
    expect(at(spec, 'replicas')).to.equal(3)
    expect(at(spec, 'strategy', 'rollingUpdate')).to.deep.equal({ maxSurge: 1, maxUnavailable: 0 })

    const pod = at(spec, 'template', 'spec')
    const container = at(pod, 'containers', 0)
    const probed = (probe: string): unknown => at(container, probe, 'httpGet')
    expect(probed('startupProbe')).to.deep.equal({ path: '/livez', port: 'http' })
    expect(probed('livenessProbe')).to.deep.equal({ path: '/livez', port: 'http' })
    expect(probed('readinessProbe')).to.deep.equal({ path: '/readyz', port: 'http' })

    expect(at(container, 'lifecycle', 'preStop')).to.deep.equal({ sleep: { seconds: 9 } })
    // The drain and the stop after it share the grace period; the stop needs the time that the manifests give.
    const [plain] = await manifests('config/manifests/deployment.yaml')
    const toStop = Number(at(plain, 'spec', 'template', 'spec', 'terminationGracePeriodSeconds'))
    expect(at(pod, 'terminationGracePeriodSeconds')).to.be.at.least(9 + toStop)

    const theirs = { matchLabels: at(spec, 'selector', 'matchLabels') }
    expect(asObject(at(spec, 'template', 'metadata', 'labels'))).to.include(theirs.matchLabels)
    const near = at(pod, 'affinity', 'podAntiAffinity', 'preferredDuringSchedulingIgnoredDuringExecution', 0)
    expect(at(near, 'podAffinityTerm')).to.deep.equal({ topologyKey: 'kubernetes.io/hostname', labelSelector: theirs })
    const spread = { maxSkew: 1, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway' }
    expect(at(pod, 'topologySpreadConstraints')).to.deep.equal([{ ...spread, labelSelector: theirs }])
    const budget = at(found(objects, 'PodDisruptionBudget', 'hub-runnerhub'), 'spec')
    expect(asObject(budget)).to.deep.include({ maxUnavailable: 1, selector: theirs })
  })

  it('create no disruption budget for a single replica, which would block the drain of its node', async () => {
    const kindsOf = async (replicas: number) =>
      (await render('--set', `replicaCount=${replicas}`)).map(({ kind }) => kind)
    expect(await kindsOf(1)).to.not.include('PodDisruptionBudget')
    expect(await kindsOf(2)).to.include('PodDisruptionBudget')
  })

  it('grant the same permissions as the manifests, to the same subjects', async () => {
    const files = ['role', 'cluster-role', 'caller-roles'].map((file) => manifests(`config/manifests/${file}.yaml`))
    const wanted = (await Promise.all(files)).flat().map(essence)
    const objects = (await render()).filter(({ apiVersion }) => apiVersion.startsWith('rbac.'))
    const granted = objects.filter(({ metadata }) => metadata.annotations === undefined).map(essence)
    expect(granted).to.have.deep.members(wanted)
  })

  it('create the default pool of the manifests, with another image if given', async () => {
    const [pool] = await manifests('config/manifests/default-pool.yaml')
    expect(found(await render(), 'RunnerPool', 'default')['spec']).to.deep.equal(asObject(pool)['spec'])
    const other = found(await render('--set', 'defaultPool.image=images.example.com/runner:2'), 'RunnerPool', 'default')
    const container = at(other, 'spec', 'template', 'spec', 'containers', 0)
    expect(at(container, 'image')).to.equal('images.example.com/runner:2')
    expect(at(container, 'command')).to.deep.equal(['/bin/sh', '-c'])
  })

  it('include the generated CRDs', async () => {
    for (const kind of ['runnerjobs', 'runnerpools', 'runners']) {
      expect(parse(await chartFile(`crds/${kind}.yaml`))).to.deep.equal((await manifests(`crds/${kind}.yaml`))[0])
    }
  })
})

/** A role or a binding without its release and namespace. */
function essence(object: object): unknown {
  const { kind, metadata, rules, roleRef, subjects } = asObject(object)
  const text = JSON.stringify({ kind, name: asObject(metadata)['name'], rules, roleRef, subjects })
  const isWide = String(kind).startsWith('Cluster')
  const plain = text.replaceAll('hub-runnerhub', 'runnerhub').replaceAll(',"namespace":"hub"', '')
  return JSON.parse(isWide ? plain.replaceAll('-hub"', '"') : plain)
}
