import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { kubectl } from '../../../config/local/run.d/kubectl.ts'
import { outputOf, run } from '../../../config/local/run.d/program.ts'
import { configMaps } from '../../../src/api/config-map.ts'
import type { KubeObject, Resource } from '../../../src/api/object.ts'
import { pods } from '../../../src/api/pod.ts'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { runnerPools } from '../../../src/api/runner-pool.ts'
import { runners } from '../../../src/api/runner.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { leases } from '../../../src/kube/election/lease.ts'
import { type ChartSite, openChartSite } from '../../charts/chart-site.ts'
import { at, chart, helmPath } from '../../charts/chart.ts'
import { commandOf } from '../../documents/documents.ts'
import { runs } from '../../kubelet/script.ts'
import { GARBAGE_MS } from '../../observe/eventually.ts'
import type { Operator } from '../../processes/operator.ts'
import { call, expectFailure } from '../../site/calls/call.ts'
import { serveForeignKinds } from './foreign-kinds.ts'

const namespaces: Resource = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace' }
const forever = new AbortController().signal

describe('an installation by the chart', function () {
  this.timeout('90s')
  let hub: ChartSite
  let operator: Operator

  before(async function () {
    this.timeout('10m')
    await Promise.all([helmPath(), serveForeignKinds()])
    hub = await openChartSite('--set', 'defaultPool.maxRunners=2,hooks.deadlineSeconds=60')
    operator = await hub.site.operator()
  })
  after(() => hub?.site.close())

  const kubectlHere = (...args: string[]): Promise<string> => {
    const { plane, namespace } = hub.site
    return outputOf(kubectl({ kubeconfig: plane.controlPlane.kubeconfig, namespace }, ...args), forever)
  }
  const as = async (user: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${(await hub.tokens())[user]}`, 'content-type': 'application/json' }
    return call(`${operator.url}${path}`, { headers, ...(body && { method: 'POST', body: JSON.stringify(body) }) })
  }
  const delegation = (jobId: string) => ({
    jobId,
    runId: '1',
    repository: 'owner/repo',
    workflow: 'CI',
    runnerName: 'proxy',
    labels: ['self-hosted'],
  })

  it('has a default pool whose pods the restricted level admits', async () => {
    await hub.site.until('the pool to be Ready', async () => {
      const pool = await hub.site.get(runnerPools, 'default')
      return pool?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')
    })
  })

  it('runs a job with the rights that it was given, from delegation to end', async () => {
    const answer = await as('runnerhub-proxy', '/api/jobs/delegate', delegation('1'))
    expect(answer.status).to.equal(201)
    await hub.site.jobIs(String(asObject(answer.body['data'])['delegationId']), { phase: 'Completed' })
  })

  it('prints the next three commands, and what is missing: clients’ addresses, a helm test, pages of alerts', async () => {
    const plain = await hub.helm('get', 'notes', 'hub')
    for (const word of ['get secret hub-runnerhub-tokens', 'port-forward service/hub-runnerhub', 'curl -X POST']) {
      expect(plain).to.include(word)
    }
    expect(plain).to.include(`'{{ index .data "runnerhub-proxy" | base64decode }}'`).and.not.include('WARNING')
    const dryRun = (...values: string[]) =>
      hub.helm('upgrade', 'hub', chart, '--dry-run=server', '--set', values.join())
    expect(plain).to.match(/`helm --namespace \S+ test hub` does the same/)
    const ownUsers = await dryRun('auth.users[0].name=me')
    expect(ownUsers).to.include('{{ index .data "me" | base64decode }}')
    expect(ownUsers).to.include('NOTE: there is no helm test').and.not.include('does the same')
    expect(plain).to.include('unless auth.generate=false, auth.existingSecret or a token for')
    for (const [value, secret] of [
      ['auth.generate=false', 'hub-runnerhub-tokens'],
      ['auth.existingSecret=mine', 'mine'],
    ] as const) {
      const notes = await dryRun(value)
      expect(notes).to.include(`reads the tokens of callers from your Secret ${secret}: its key tokens.csv`)
      expect(notes).to.include(`get secret ${secret} --output`).and.not.include('unless auth.generate')
    }
    const noPool = await dryRun('defaultPool.enabled=false')
    expect(noPool).to.include('NOTE: there is no pool yet').and.not.include('does the same')
    const warnings = async (...values: string[]) => (await dryRun(...values)).split('WARNING').length - 1
    expect(await warnings('service.type=LoadBalancer', 'service.externalTrafficPolicy=Cluster')).to.equal(1)
    expect(await warnings('service.type=LoadBalancer')).to.equal(0)
    expect(await warnings('ingress.enabled=true')).to.equal(1)
    expect(await warnings('ingress.enabled=true', 'settings.trustedProxies=10.0.0.0/8')).to.equal(0)
    const rule = 'monitoring.prometheusRule'
    expect(await warnings(`${rule}.enabled=true`)).to.equal(1)
    expect(await warnings(`${rule}.enabled=true`, `${rule}.runbooks=https://example.com/runbooks`)).to.equal(0)
  })

  it('gives each user the permissions of its groups, and no more', async () => {
    expectFailure(await as('runnerhub-viewer', '/api/jobs/delegate', delegation('2')), 403, 'Forbidden')
    expect((await as('runnerhub-viewer', '/api/jobs')).status).to.equal(200)
    expectFailure(await as('runnerhub-metrics', '/api/jobs'), 403, 'Forbidden')
    expectFailure(await as('runnerhub-proxy', '/api/jobs'), 403, 'Forbidden')
    expect((await as('runnerhub-admin', '/api/jobs')).status).to.equal(200)
  })

  it('keeps its tokens on upgrade, also when users come and go', async () => {
    const before = await hub.tokens()
    expect(before['runnerhub-proxy']).to.match(/^\w{40}$/)
    await hub.helm('upgrade', 'hub', chart, '--no-hooks', '--reuse-values', '--set', 'settings.logLevel=warn')
    expect(await hub.tokens()).to.deep.equal(before)
    const users = ['auth.users[0].name=runnerhub-proxy', 'auth.users[1].name=new'].join(',')
    await hub.helm('upgrade', 'hub', chart, '--no-hooks', '--reuse-values', '--set', users)
    const after = await hub.tokens()
    expect(after['runnerhub-proxy']).to.equal(before['runnerhub-proxy'])
    expect(after['new']).to.match(/^\w{40}$/)
    expect(after).to.not.have.property('runnerhub-admin')
    await hub.helm('rollback', 'hub', '2', '--no-hooks')
  })

  it('gets new CRDs by an upgrade: removed fields are gone, and objects are unchanged', async () => {
    const [definition, schema] = ['crd/runnerpools.runnerhub.dev', '/spec/versions/0/schema/openAPIV3Schema']
    const old = `${schema}/properties/spec/properties/formerField`
    const patch = [{ op: 'add', path: old, value: { type: 'string' } }]
    await kubectlHere('patch', definition, '--type=json', '--field-manager=helm', `--patch=${JSON.stringify(patch)}`)
    const pool = await hub.site.get(runnerPools, 'default')
    const definitionNow = async (): Promise<unknown> =>
      JSON.parse(await kubectlHere('get', definition, '--output=json'))
    const fields = (crd: unknown) => at(crd, 'spec', 'versions', 0, 'schema', 'openAPIV3Schema', 'properties', 'spec')
    expect(at(fields(await definitionNow()), 'properties')).to.have.property('formerField')

    const first = await hub.runHook('hub-runnerhub-crds')
    expect(first.code, first.stdout + first.stderr).to.equal(0)
    const upgraded = await definitionNow()
    expect(at(fields(upgraded), 'properties')).to.not.have.property('formerField')
    expect(at(fields(upgraded), 'properties')).to.have.property('template')
    expect(await hub.site.get(runnerPools, 'default')).to.deep.equal(pool)

    const again = await hub.runAs('hub-runnerhub-crds', ['--task=apply-crds'])
    expect(again.code, again.stdout).to.equal(0)
    expect(at(await definitionNow(), 'metadata', 'resourceVersion')).to.equal(
      at(upgraded, 'metadata', 'resourceVersion'),
    )
  })

  it('has a test that reports why its job was refused, and never prints its token', async () => {
    const tokenFile = join(await mkdtemp(join(tmpdir(), 'runnerhub-trial-')), 'token')
    const attempt = async (token: string) => {
      await writeFile(tokenFile, token)
      const args = ['--task=try-a-job', `--task-url=${operator.url}`, `--token-file=${tokenFile}`]
      return hub.runAs('hub-runnerhub', args)
    }
    const { 'runnerhub-viewer': viewer = '' } = await hub.tokens()
    const [stranger, reader] = [await attempt('unknown-token'), await attempt(viewer)]
    expect(stranger.stdout).to.include('/api/jobs/delegate: 401').and.not.include('unknown-token')
    expect(reader.stdout).to.include('/api/jobs/delegate: 403').and.not.include(viewer)
    expect([stranger.code, reader.code]).to.deep.equal([1, 1])
    await rm(dirname(tokenFile), { recursive: true })
  })

  it('has hooks that report a missing permission, and fail', async () => {
    const { code, stdout } = await hub.runAs('hub-runnerhub', ['--task=clean-up', '--task-deployment=hub-runnerhub'])
    expect(code).to.equal(1)
    expect(stdout).to.include('the task is not done').and.include('cannot get resource \\"deployments\\"')
  })

  it('is removed with everything that it created; RunnerJobs and RunnerPools stay, and the namespace can be deleted', async () => {
    const { site } = hub
    site.kubelet.onPod(() => runs())
    await site.createPool('mine', { labels: ['mine'] })
    for (const job of ['running-1', 'running-2', 'waiting']) await site.createJob(job, { labels: ['self-hosted'] })
    for (const job of ['running-1', 'running-2']) await site.jobIs(job, { phase: 'Running' })
    await operator.terminate()
    await stripLabels(hub, 'running-2-1')

    const { code, stdout } = await hub.runHook('hub-runnerhub-clean-up')
    expect(code, stdout).to.equal(0)
    await hub.helm('uninstall', 'hub', '--no-hooks')
    expect(await site.list(runners)).to.deep.equal([])
    // The garbage collector deletes the Leases of proxy runners with their Runners.
    const isOwned = ({ metadata }: KubeObject): boolean => metadata.ownerReferences?.[0]?.kind === 'Runner'
    expect((await site.list(leases)).filter((lease) => !isOwned(lease))).to.deep.equal([])
    expect(await site.list(pods)).to.deep.equal([])
    const isOurs = ({ metadata }: KubeObject): boolean => metadata.name !== 'kube-root-ca.crt'
    expect((await site.list(configMaps)).filter(isOurs)).to.deep.equal([])
    expect((await site.list(runnerJobs)).map(({ metadata }) => metadata.name)).to.include.members([
      'running-1',
      'waiting',
    ])
    expect((await site.list(runnerPools)).map(({ metadata }) => metadata.name)).to.deep.equal(['mine'])
    const selector = '--selector=app.kubernetes.io/instance=hub'
    const kinds = 'all,configmaps,secrets,serviceaccounts,roles,rolebindings,networkpolicies,poddisruptionbudgets'
    const isHook = (name: string): boolean => name.endsWith('-clean-up') || name.endsWith('-crds')
    // The garbage collector deletes ReplicaSets after their Deployment.
    const allGone = async () => {
      const left = await kubectlHere('get', kinds, selector, '--output=name')
      expect(left.split('\n').filter((name) => name !== '' && !isHook(name))).to.deep.equal([])
      return true
    }
    await site.until('no object of the chart to remain', allGone, GARBAGE_MS)

    await expectNamespaceToGo(hub)
  })
})

describe('an operator whose pods do not go', function () {
  this.timeout('90s')
  let hub: ChartSite

  before(async () => {
    hub = await openChartSite('--set', 'hooks.deadlineSeconds=10')
  })
  after(async () => {
    await hub?.helm('uninstall', 'hub', '--no-hooks')
    await hub?.site.close()
  })

  it('has a clean-up that reports it in time, and fails', async () => {
    const { site } = hub
    // On a node whose kubelet never removes them, nothing else does.
    site.kubelet.onPod(() => ({ ...runs(), stop: 'never' }))
    for (const { metadata } of await site.list(pods)) await site.delete(pods, metadata.name)
    await site.until('other pods to run', async () => {
      return (await site.list(pods)).some(({ status }) => status?.phase === 'Running')
    })
    const { code, stdout } = await hub.runHook('hub-runnerhub-clean-up')
    expect(code, stdout).to.equal(1)
    expect(stdout).to.include('not done within 5 s; the log above shows its progress').and.include('"isStopped":false')
  })
})

describe('an operator that was removed without its hook', function () {
  this.timeout('90s')
  let hub: ChartSite

  before(async () => {
    hub = await openChartSite()
    hub.site.kubelet.onPod(() => runs())
  })
  after(() => hub?.site.close())

  it('leaves pods that the command of docs/operations.md releases', async () => {
    const { site } = hub
    const operator = await site.operator()
    for (const job of ['one', 'two']) await site.createJob(job, { labels: ['self-hosted'] })
    for (const job of ['one', 'two']) await site.jobIs(job, { phase: 'Running' })
    operator.kill()
    await hub.helm('uninstall', 'hub', '--no-hooks')
    await stripLabels(hub, 'two-1')
    for (const job of ['one', 'two']) await site.delete(pods, `${job}-1`)
    await site.until('the pods to be held by the finalizer alone', async () => {
      const ended = (await site.list(pods)).filter(({ status }) => status?.phase === 'Failed')
      return ended.length === 2
    })

    const command = commandOf('docs/operations.md', 'kubectl --namespace runnerhub get pods')
    const script = command.replaceAll('--namespace runnerhub', `--namespace ${site.namespace}`)
    const environment = { KUBECONFIG: site.plane.controlPlane.kubeconfig }
    const ended = await run(['bash', '-euo', 'pipefail', '-c', script], { environment }, forever)
    expect(ended.code, ended.stderr).to.equal(0)
    await site.until('the pods to be gone', async () => (await site.list(pods)).length === 0)
    await expectNamespaceToGo(hub)
  })
})

/** Removes all labels of a pod, so that no selector matches it. */
async function stripLabels({ site }: ChartSite, name: string): Promise<void> {
  await site.client.patchMerge(pods, { namespace: site.namespace, name }, { metadata: { labels: null } }, forever)
}

/** Deletes the namespace, and waits for its end within a user's time limit. */
async function expectNamespaceToGo({ site }: ChartSite): Promise<void> {
  const { client, namespace } = site
  await client.delete(namespaces, { namespace: '', name: namespace }, {}, forever)
  const isGone = async (): Promise<boolean> => {
    const { items } = await client.listPage<KubeObject>(namespaces, undefined, {}, forever)
    return items.every(({ metadata }) => metadata.name !== namespace)
  }
  await site.until('the namespace to be gone', isGone, 60_000)
}
