import { expect } from 'chai'
import { proxyName } from '../../../src/api/names.ts'
import { type RunnerPhase, runners } from '../../../src/api/runner.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { leases, microTime } from '../../../src/kube/election/lease.ts'
import { succeeds } from '../../kubelet/script.ts'
import type { Operator } from '../../processes/operator.ts'
import { call } from '../../site/calls/call.ts'
import { openSite, type Site } from '../../site/site.ts'

const MINUTE_MS = 60_000

describe('the leader’s work for proxy runners', function () {
  this.timeout('90s')
  let site: Site
  let operator: Operator

  before(async () => {
    site = await openSite()
    site.kubelet.onPod(() => succeeds())
    await site.createJob('before', { runnerName: 'early' })
    operator = await site.operator({ env: { MAX_PROXIES: '2' } })
  })
  afterEach(() => site.checkInvariants())
  after(() => site.close())

  const runnerOf = (name: string) => site.get(runners, proxyName(name))

  const is = (name: string, phase: RunnerPhase) =>
    site.until(`${name} to be ${phase}`, async () => {
      const runner = await runnerOf(name)
      return runner?.status.phase === phase ? runner : undefined
    })

  async function lastHeard(name: string, date: Date): Promise<void> {
    const key = { namespace: site.namespace, name: proxyName(name) }
    const signal = new AbortController().signal
    await site.client.patchMerge(leases, key, { spec: { renewTime: microTime(date) } }, signal)
  }

  it('registers a proxy runner that delegated a job while no operator ran, with that time', async () => {
    const job = await site.job('before')
    const { spec } = await is('early', 'Idle')
    expect(spec).to.include({ type: 'Proxy', displayName: 'early', repository: 'owner/repo' })
    const lease = await site.until('its Lease', () => site.get(leases, proxyName('early')))
    expect(new Date(lease.spec?.renewTime ?? '').getTime()).to.equal(Date.parse(job?.metadata.creationTimestamp ?? ''))
  })

  it('writes that one is offline, and that it is back, and nothing in between', async () => {
    const idle = await is('early', 'Idle')
    await lastHeard('early', new Date(Date.now() - MINUTE_MS))
    await lastHeard('early', new Date())
    await lastHeard('early', new Date(Date.now() - 10 * MINUTE_MS))
    const offline = await is('early', 'Offline')
    expect(offline.status).to.include({ reason: 'HeartbeatMissed' })
    expect(offline.status.message).to.match(/^last heartbeat at \d{4}-/)
    expect(offline.metadata.generation).to.equal(idle.metadata.generation)
    const answer = await call(`${operator.url}/api/runners/early/heartbeat`, { method: 'POST' })
    expect(asObject(answer.body['data'])).to.include({ id: idle.metadata.uid, status: 'busy', reason: null })
    expect((await is('early', 'Idle')).status).to.deep.equal({ phase: 'Idle' })
  })

  it('registers none beyond the limit, and runs their jobs all the same', async () => {
    await site.createPool('default')
    await site.createJob('second', { runnerName: 'second' })
    await is('second', 'Idle')
    await site.createJob('third', { runnerName: 'third' })
    await site.jobIs('third', { phase: 'Completed' })
    await site.createJob('fourth')
    await site.jobIs('fourth', { phase: 'Completed' })
    expect(await runnerOf('third')).to.equal(undefined)
  })

  it('gives them no slot of a pool, whatever they send, and no pod', async () => {
    await site.createPool('small', { maxRunners: 1, labels: ['small'] })
    const names = ['Proxy', 'Dedicated'] as const
    for (const type of names) {
      await site.create(runners, {
        apiVersion: 'runnerhub.dev/v1',
        kind: 'Runner',
        metadata: { name: type.toLowerCase() },
        spec: { type, displayName: type, poolName: 'small', jobRef: { name: 'none', uid: 'none' }, attempt: 1 },
      })
    }
    await site.createJob('small', { labels: ['small'] })
    await site.jobIs('small', { phase: 'Completed' })
    const pods = site.kubelet.ledger.all.map(({ name }) => name)
    expect(pods).to.not.include('proxy')
    expect(pods).to.not.include('dedicated')
    expect((await site.get(runners, 'dedicated'))?.status).to.deep.equal({ phase: 'Starting' })
  })

  it('deletes one that has been offline for long, and leaves its running jobs', async () => {
    await lastHeard('second', new Date(Date.now() - 25 * 60 * MINUTE_MS))
    await site.until('it to go', async () => (await runnerOf('second')) === undefined)
    expect((await site.job('second'))?.status.phase).to.equal('Completed')
    await site.delete(runners, 'proxy')
    await site.until('there to be room again', async () => {
      await site.createJob(`job-${Date.now()}`, { runnerName: 'third' })
      return runnerOf('third')
    })
  })
})
