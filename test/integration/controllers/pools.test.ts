import { expect } from 'chai'
import { parse } from 'yaml'
import { type RunnerPool, runnerPools } from '../../../src/api/runner-pool.ts'
import { runners } from '../../../src/api/runner.ts'
import type { NewObject } from '../../../src/api/object.ts'
import { blocksOf } from '../../documents/documents.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { exited, runs } from '../../kubelet/script.ts'
import { RestClient } from '../../observe/rest-client.ts'
import type { Operator } from '../../processes/operator.ts'
import { openSite, type Site } from '../../site/site.ts'

const main = { name: 'runner', image: 'runner' }
const ok = { containers: [main], terminationGracePeriodSeconds: 1 }

/** Templates that `kubectl` would not take of a Deployment, or that ask for what no runner pod has; and the path. */
const unreadable: [path: string, template: RunnerPool['spec']['template']][] = [
  ['spec.containers[0].resource', { spec: { containers: [{ ...main, resource: { limits: { cpu: '1' } } }] } }],
  ['spec.toleration', { spec: { ...ok, toleration: [{ operator: 'Exists' }] } }],
  ['spec.activeDeadlineSecond', { spec: { ...ok, activeDeadlineSecond: 60 } }],
  ['metadata.label', { metadata: { label: { a: 'b' } }, spec: ok }],
  ['spec.initContainers[0].readOnly', { spec: { ...ok, initContainers: [{ ...main, name: 'init', readOnly: true }] } }],
  ['spec.volumes[0].emptyDir.size', { spec: { ...ok, volumes: [{ name: 'work', emptyDir: { size: '1Gi' } }] } }],
  ['spec.securityContext.runAsNonroot', { spec: { ...ok, securityContext: { runAsNonroot: true } } }],
  [
    'spec.containers[0].startupProbe.exec.cmd',
    { spec: { containers: [{ ...main, startupProbe: { exec: { cmd: ['true'] } } }] } },
  ],
  [
    'spec.containers[0].env[1].valeu',
    {
      spec: {
        containers: [
          {
            ...main,
            env: [
              { name: 'A', value: 'a' },
              { name: 'B', valeu: 'b' },
            ],
          },
        ],
      },
    },
  ],
  ['spec.containers[0].env[0].value: ', { spec: { containers: [{ ...main, env: [{ name: 'N', value: 7 }] }] } }],
  ['spec.containers[0].env: ', { spec: { containers: [{ ...main, env: { N: '7' } }] } }],
  ['spec.containers[0].command: ', { spec: { containers: [{ ...main, command: 'run' }] } }],
  ['spec.securityContext', { spec: { ...ok, securityContext: ['runAsNonRoot'] } }],
  [
    'spec.containers[0].resources.limits.memory',
    { spec: { containers: [{ ...main, resources: { limits: { memory: true } } }] } },
  ],
  [
    'spec.containers[0].readinessProbe.tcpSocket.port',
    { spec: { containers: [{ ...main, readinessProbe: { tcpSocket: { port: true } } }] } },
  ],
  ['metadata.labels["tier"]', { metadata: { labels: { tier: 7 } }, spec: ok }],
  ['metadata.name', { metadata: { name: 'mine' }, spec: ok }],
  ['metadata.namespace', { metadata: { namespace: 'default' }, spec: ok }],
  ['metadata.finalizers', { metadata: { finalizers: ['example.com/mine'] }, spec: ok }],
  ['spec.restartPolicy', { spec: { ...ok, restartPolicy: 'OnFailure' } }],
]

const forever = new AbortController().signal

describe('the pool of a job', function () {
  this.timeout('60s')
  let site: Site
  let operator: Operator

  before(async () => {
    site = await openSite()
    await site.createPool('linux', { labels: ['self-hosted', 'linux'] })
    await site.createPool('linux-gpu', { labels: ['self-hosted', 'linux', 'gpu'] })
    await site.createPool('mac', { labels: ['self-hosted', 'mac'], repositories: ['apple/*', 'owner/allowed'] })
    await site.createPool('line', { labels: ['line'], maxRunners: 2 })
    await site.createPool('turn', { labels: ['turn'], maxRunners: 1 })
    await site.createPool('handed', {
      labels: ['handed'],
      maxRunners: 1,
      perRepository: { weights: [{ repository: 'team/b', weight: 2 }] },
      priorities: [{ event: 'release', priority: 10 }],
    })
    await site.createPool('capped', { labels: ['capped'], perRepository: { maxRunning: 1 } })
    for (const [index, [, template]] of unreadable.entries()) await site.createPool(`unreadable-${index}`, { template })
    await acceptBefore(site, 'accepted-before')
    operator = await site.operator()
    site.kubelet.onPod(() => runs())
  })
  afterEach(() => site.checkInvariants())
  after(() => site.close())

  const poolOf = async (job: string): Promise<string | undefined> => {
    await site.jobIs(job, { phase: 'Running' })
    return (await site.runner(job))?.spec.poolName
  }

  it('offers all of its labels, ignoring case', async () => {
    await site.createJob('gpu', { labels: ['GPU', 'Linux'] })
    expect(await poolOf('gpu')).to.equal('linux-gpu')
  })

  it('has the most labels of several fitting pools', async () => {
    await site.createJob('any-linux', { labels: ['linux'] })
    expect(await poolOf('any-linux')).to.equal('linux-gpu')
  })

  it('allows its repository', async () => {
    await site.createJob('allowed', { labels: ['mac'], repository: 'owner/allowed' })
    await site.createJob('by-glob', { labels: ['mac'], repository: 'apple/swift' })
    await site.createJob('stranger', { labels: ['mac'], repository: 'owner/other' })
    expect(await poolOf('allowed')).to.equal('mac')
    expect(await poolOf('by-glob')).to.equal('mac')
    const { status } = await site.jobIs('stranger', { phase: 'Queued', reason: 'NoMatchingPool' })
    expect(status.message).to.include('owner/other')
  })

  it('is the one in poolName, whatever the labels, but never one that forbids its repository', async () => {
    await site.createJob('named', { labels: ['gpu'], poolName: 'linux' })
    await site.createJob('smuggled', { poolName: 'mac' })
    expect(await poolOf('named')).to.equal('linux')
    await site.jobIs('smuggled', { phase: 'Queued', reason: 'NoMatchingPool' })
  })

  const readyOf = (pool: string) =>
    site.until(`pool ${pool} to be judged`, async () => {
      const { metadata, status } = (await site.get(runnerPools, pool)) ?? {}
      return status?.observedGeneration === metadata?.generation ? status?.conditions?.[0] : undefined
    })

  for (const [index, [path]] of unreadable.entries()) {
    it(`never has an invalid template: ${path}`, async () => {
      const ready = await readyOf(`unreadable-${index}`)
      expect(ready).to.include({ type: 'Ready', status: 'False', reason: 'InvalidPod' })
      expect(ready.message).to.include(path)
    })
  }

  it('never has an invalid template that an earlier operator accepted', async () => {
    const isRefused = async () => (await readyOf('accepted-before')).status === 'False'
    await site.until('the pool to be judged anew', isRefused)
    await site.createJob('too-late', { poolName: 'accepted-before' })
    await site.jobIs('too-late', { phase: 'Queued', reason: 'PoolNotReady' })
  })

  it('is used as soon as its template is fixed, and another fitting one until then', async () => {
    const labels = ['mended', 'twice']
    const broken = { template: { spec: { ...ok, toleration: [] } } }
    await site.createPool('mended', { labels, ...broken })
    await site.createJob('waits-for-mending', { labels: ['mended'] })
    const { status } = await site.jobIs('waits-for-mending', { phase: 'Queued', reason: 'PoolNotReady' })
    expect(status.message).to.include('RunnerPool mended is not ready: ').and.to.include('spec.toleration')
    await site.eventRecorded('waits-for-mending', 'PoolNotReady')
    await site.createPool('twice', { labels: ['twice'] })
    await site.createJob('elsewhere', { labels: ['twice'] })
    expect(await poolOf('elsewhere')).to.equal('twice')
    const key = { namespace: site.namespace, name: 'mended' }
    await site.client.patchMerge(runnerPools, key, { spec: { template: { spec: { toleration: null } } } }, forever)
    expect(await poolOf('waits-for-mending')).to.equal('mended')
    expect(site.kubelet.ledger.of('waits-for-mending')).to.have.length(1)
  })

  it('is not used if its template becomes invalid while its jobs wait', async () => {
    await site.createPool('breaks', { labels: ['breaks'], maxRunners: 1 })
    for (const name of ['a-first', 'b-second']) await site.createJob(name, { labels: ['breaks'] })
    await site.jobIs('a-first', { phase: 'Running' })
    await site.jobIs('b-second', { reason: 'PoolFull' })
    const key = { namespace: site.namespace, name: 'breaks' }
    await site.client.patchMerge(runnerPools, key, { spec: { template: { spec: { hostNam: 'x' } } } }, forever)
    await site.jobIs('b-second', { phase: 'Queued', reason: 'PoolNotReady' })
    await site.kubelet.apply('a-first-1', (pod) => exited(pod, 0))
    await site.jobIs('a-first', { phase: 'Completed' })
    expect((await site.job('b-second'))?.status).to.include({ phase: 'Queued', reason: 'PoolNotReady' })
    await site.client.patchMerge(runnerPools, key, { spec: { template: { spec: { hostNam: null } } } }, forever)
    await site.jobIs('b-second', { phase: 'Running' })
  })

  it('accepts a template as its author wrote it, except what only the node decides', async () => {
    const quantities = { limits: { cpu: 1, memory: '1Gi', 'ephemeral-storage': 1e9 }, requests: { cpu: 0.5 } }
    const root = { ...main, name: 'root', securityContext: { runAsUser: 0 } }
    const docker = { ...main, name: 'docker', securityContext: { privileged: true } }
    const traced = { ...main, name: 'traced', securityContext: { capabilities: { add: ['CAP_SYS_ADMIN'] } } }
    const templates: Record<string, RunnerPool['spec']['template']['spec']> = {
      numbers: { containers: [{ ...main, resources: quantities, env: [{ name: 'EMPTY', value: null }] }] },
      windows: { os: { name: 'windows' }, containers: [main] },
      powerful: { containers: [main, root, docker, traced] },
    }
    for (const [name, spec] of Object.entries(templates)) await site.createPool(name, { template: { spec } })
    expect(await readyOf('numbers')).to.include({ status: 'True' })
    expect(await readyOf('windows')).to.include({ status: 'True' })
    // The namespace of these tests is restricted: that is all there is against it.
    const { message } = await readyOf('powerful')
    expect(message).to.include('violates PodSecurity')
  })

  /** The next Runner of the pool that is busy. */
  const nextIn = (pool: string, begun: readonly string[]) =>
    site.until(`another job of ${pool} to run`, async () => {
      const now = (await site.list(runners)).filter(({ spec }) => spec.poolName === pool)
      const busy = now.filter(({ status, metadata }) => status.phase === 'Busy' && !begun.includes(metadata.name))
      return busy[0]?.metadata.name
    })

  it('starts jobs in the order of delegation, within maxRunners', async () => {
    // One place, so that none can overtake on its way, and it is taken until all are there.
    await site.createJob('taken', { labels: ['turn'] })
    await site.jobIs('taken', { phase: 'Running' })
    // Made in the opposite order: only delegatedAt decides.
    const names = ['a', 'b', 'c', 'd', 'e', 'f'].map((letter) => `turn-${letter}`)
    const base = Date.now() - 1000
    for (const [index, name] of [...names.entries()].toReversed()) {
      const delegatedAt = new Date(base + index).toISOString()
      await site.createJob(name, { labels: ['turn'], delegatedAt })
    }
    const begun: string[] = []
    while (begun.length <= names.length) {
      const next = await nextIn('turn', begun)
      begun.push(next)
      await site.kubelet.apply(next, (pod) => exited(pod, 0))
    }
    expect(begun.map((name) => name.slice(0, -2))).to.deep.equal(['taken', ...names])
    expect(site.kubelet.ledger.peak('turn')).to.equal(1)
  })

  /** What REST shows of the job in the queue. */
  async function placeOf(job: string): Promise<{ position: unknown; seconds: unknown }> {
    const { metadata } = (await site.job(job)) ?? expect.fail('no job')
    const { data } = await new RestClient(operator.url).get(`/api/jobs/${metadata.uid}`)
    const shown = asObject(asObject(data)['metadata'])
    return { position: shown['queuePosition'], seconds: shown['estimatedWaitSeconds'] }
  }

  it('shows how long a job will wait once enough others have started, and nothing before that', async () => {
    await site.createPool('steady', { labels: ['steady'], maxRunners: 3 })
    const names = ['a', 'b', 'c', 'd'].map((letter) => `steady-${letter}`)
    const begun = Date.now()
    for (const name of names.slice(0, 3)) await site.createJob(name, { labels: ['steady'] })
    for (const name of names.slice(0, 3)) await site.jobIs(name, { phase: 'Running' })
    await site.createJob('steady-d', { labels: ['steady'] })
    await site.jobIs('steady-d', { reason: 'PoolFull' })
    expect(await placeOf('steady-d')).to.deep.equal({ position: 1, seconds: null })
    await site.kubelet.apply('steady-a-1', (pod) => exited(pod, 0))
    await site.jobIs('steady-d', { phase: 'Running' })
    for (const name of ['steady-e', 'steady-f']) await site.createJob(name, { labels: ['steady'] })
    await site.jobIs('steady-f', { reason: 'PoolFull' })
    const [next, last] = [await placeOf('steady-e'), await placeOf('steady-f')]
    // Stamps of the API server are cut to the second.
    const most = Math.ceil((Date.now() - begun + 1000) / 4 / 1000)
    expect(next.position).to.equal(1)
    expect(next.seconds).to.be.within(1, most)
    expect(last.position).to.equal(2)
    expect(last.seconds).to.be.within(1, 2 * most)
    expect(last.seconds).to.be.at.least(Number(next.seconds))
  })

  it('keeps the order of its queue and its limits when another operator takes over in the middle of it', async () => {
    await site.createJob('capped-1', { labels: ['capped'] })
    await site.jobIs('capped-1', { phase: 'Running' })
    await site.createJob('capped-2', { labels: ['capped'] })
    await site.createJob('handed', { labels: ['handed'], repository: 'team/a' })
    await site.jobIs('handed', { phase: 'Running' })
    const base = Date.now() - 60_000
    const names = Array.from({ length: 8 }, (_, index) => `handed-${index}`)
    for (const [index, name] of [...names.entries()].toReversed()) {
      const repository = index < 5 ? 'team/a' : 'team/b'
      const eventName = index === 4 ? 'release' : 'push'
      const delegatedAt = new Date(base + index).toISOString()
      await site.createJob(name, { labels: ['handed'], repository, eventName, delegatedAt })
    }
    await site.jobIs('capped-2', { phase: 'Queued', reason: 'RepositoryLimit' })
    const order = await site.until('the order of the queue', async () => {
      const places = await Promise.all(names.map(async (name) => ({ name, ...(await placeOf(name)) })))
      const sorted = places.toSorted((a, b) => Number(a.position) - Number(b.position))
      const isWhole = sorted.every(({ position }, index) => position === index + 1)
      return isWhole ? sorted.map(({ name }) => name) : undefined
    })
    expect(order[0], 'urgent by a rule').to.equal('handed-4')
    expect(order, 'fair, not by age').to.not.deep.equal(['handed-4', ...names.filter((name) => name !== 'handed-4')])
    const begun: string[] = []
    while (begun.length <= names.length) {
      const next = await nextIn('handed', begun)
      begun.push(next)
      if (begun.length === 4) operator.kill()
      await site.kubelet.apply(next, (pod) => exited(pod, 0))
      if (begun.length === 4) operator = await site.operator()
    }
    expect(begun.map((name) => name.slice(0, -2))).to.deep.equal(['handed', ...order])
    expect(site.kubelet.ledger.peak('handed')).to.equal(1)
    expect(site.kubelet.ledger.of('capped-2'), 'beyond the limit of its repository').to.deep.equal([])
    await site.kubelet.apply('capped-1-1', (pod) => exited(pod, 0))
    await site.jobIs('capped-2', { phase: 'Running' })
  })

  it('is ready as every recipe in docs/pools.md has it, with every field kept', async () => {
    // oxlint-disable-next-line typescript/no-unsafe-return -- the API server checks them
    const recipes = blocksOf('docs/pools.md', 'yaml').map((code): NewObject<RunnerPool> => parse(code))
    expect(recipes).to.have.length.above(6)
    for (const recipe of recipes) {
      const { metadata, spec } = await site.create(runnerPools, recipe)
      expect(spec).to.deep.include(recipe.spec)
      const isReady = async () => (await readyOf(metadata.name)).status === 'True'
      await site.until(`${metadata.name} to be ready`, isReady)
      await site.delete(runnerPools, metadata.name)
    }
  })

  it('frees a slot only when the pod of a cancelled job has stopped', async () => {
    site.kubelet.onPod(() => ({ ...runs(), stop: { afterMs: 1500 } }))
    for (const name of ['slow-1', 'slow-2', 'next']) await site.createJob(name, { labels: ['line'] })
    await site.jobIs('slow-2', { phase: 'Running' })
    await site.jobIs('next', { reason: 'PoolFull' })
    await site.cancel('slow-1')
    await site.jobIs('slow-1', { phase: 'Cancelled' })
    await site.jobIs('next', { phase: 'Running' })
    expect(site.kubelet.ledger.peak('line'), 'pods at once').to.equal(2)
  })
})

/** A pool that is ready, as an operator saw it that did not look for unknown fields. */
async function acceptBefore(site: Site, name: string): Promise<void> {
  const pool = await site.createPool(name, { template: { spec: { ...ok, toleration: [] } } })
  const lastTransitionTime = new Date().toISOString()
  const ready = {
    type: 'Ready',
    status: 'True',
    reason: 'TemplateAccepted',
    message: 'ok',
    lastTransitionTime,
  } as const
  await site.client.replaceStatus(
    runnerPools,
    { ...pool, status: { observedGeneration: 1, conditions: [ready] } },
    forever,
  )
}
