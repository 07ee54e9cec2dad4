import { expect } from 'chai'
import { JOB_LABEL, OUTCOME_FINALIZER } from '../../../src/api/names.ts'
import { pods } from '../../../src/api/pod.ts'
import { running, runs, type Script, succeeds, unschedulable, waitsFor } from '../../kubelet/script.ts'
import { type AuditLog, inWords } from '../../observe/audit.ts'
import { eventually } from '../../observe/eventually.ts'
import { openSite, type Site } from '../../site/site.ts'

/** With a short Lease, since a renewal is all that happens meanwhile. */
const IDLE_MS = 12_000

/** A site in which jobs of every kind stand still. */
async function openStill(): Promise<Site> {
  const site = await openSite()
  await site.createPool('default')
  await site.createPool('closed', { maxRunners: 0 })
  await site.operator({ env: { START_TROUBLE_SECONDS: '3600', LEASE_SECONDS: '3' } })
  const scripts: Record<string, Script> = {
    running: runs(),
    homeless: unschedulable(),
    unpulled: waitsFor('ImagePullBackOff'),
  }
  site.kubelet.onPod(({ metadata }) => scripts[metadata.labels?.[JOB_LABEL] ?? ''] ?? succeeds())
  await Promise.all([
    ...['running', 'homeless', 'unpulled', 'finished'].map((job) => site.createJob(job, { poolName: 'default' })),
    site.createJob('waiting', { poolName: 'closed' }),
    site.createJob('lost', { poolName: 'missing' }),
  ])
  await site.jobIs('running', { phase: 'Running' })
  await site.jobIs('homeless', { reason: 'Unschedulable' })
  await site.jobIs('unpulled', { reason: 'ImagePull' })
  await site.jobIs('finished', { phase: 'Completed' })
  await site.jobIs('waiting', { reason: 'PoolFull' })
  await site.jobIs('lost', { reason: 'NoMatchingPool' })
  return site
}

/** When the operator has written nothing for a while, Leases aside. The log has to be marked: it is read again and again. */
async function quiet(site: Site, audit: AuditLog): Promise<void> {
  let last = -1
  let since = performance.now()
  await eventually(
    async () => {
      const { leases: _, ...rest } = await audit.columns(site.namespace)
      const writes = Object.values(rest).flat().length
      if (writes !== last) since = performance.now()
      last = writes
      return performance.now() - since > 2000
    },
    { what: 'the operator to have nothing more to write', withinMs: 20_000, everyMs: 200 },
  )
}

describe('the writes of the controllers', function () {
  this.timeout('90s')
  let still: Site
  let busy: Site
  let idle: { audit: AuditLog; since: number }
  let audit: AuditLog
  let marked: number

  before(async () => {
    ;[still, busy] = await Promise.all([openStill(), openSite()])
    idle = { audit: still.plane.audit(), since: 0 }
    await idle.audit.mark()
    await quiet(still, idle.audit)
    idle.since = performance.now()
    await idle.audit.mark()
    audit = busy.plane.audit()
    await audit.mark()
    marked = performance.now()
    await busy.createPool('default')
    await busy.operator()
    await quiet(busy, audit)
  })
  /** Runs jobs until one has started within a second, which on a busy machine not every one does. */
  async function prompt(name: string): Promise<string> {
    for (const letter of ['a', 'b', 'c', 'd', 'e']) {
      const job = await busy.createJob(`${name}-${letter}`)
      await busy.jobIs(job.metadata.name, { phase: 'Completed' })
      await quiet(busy, audit)
      if (!busy.history.of(job.metadata.uid).some(({ phase }) => phase === 'Assigned')) return job.metadata.name
    }
    throw new Error('no job started within a second')
  }

  afterEach(() => Promise.all([still.checkInvariants(), busy.checkInvariants()]))
  after(() => Promise.all([still.close(), busy.close()]))

  it('are six for a job whose pod starts at once', async () => {
    busy.kubelet.onPod(() => succeeds({ startMs: 50, runMs: 4000 }))
    const job = await prompt('budget')
    const { counted, events, leases: _, pools, ...others } = await audit.columns(busy.namespace)
    expect(inWords(pools), 'how the pool is used').to.have.length.at.most((performance.now() - marked) / 1000)
    expect(inWords(counted.filter(({ name }) => name.startsWith(job)))).to.have.members([
      `create runners ${job}-1`,
      `create pods ${job}-1`,
      `update runnerjobs/status ${job}`,
      `update runners/status ${job}-1`,
      `update runnerjobs/status ${job}`,
      `patch pods ${job}-1`,
    ])
    expect(inWords(events.filter(({ name }) => name.startsWith(job))), 'Events').to.have.length.at.most(1)
    expect(inWords(Object.values(others).flat()), 'anything else').to.have.length.at.most(2)
  })

  it('are at most six per job in a burst, and one more if starting took a second', async () => {
    await audit.mark()
    const names = Array.from({ length: 20 }, (_, index) => `many${index}`)
    const jobs = await Promise.all(names.map((name) => busy.createJob(name)))
    for (const name of names) await busy.jobIs(name, { phase: 'Completed' })
    await quiet(busy, audit)
    const { counted, events } = await audit.columns(busy.namespace)
    const perJob = Map.groupBy(counted, ({ name }) => name.replace(/-1$/, ''))
    const over = jobs.filter(({ metadata }) => {
      const wasAssigned = busy.history.of(metadata.uid).some(({ phase }) => phase === 'Assigned')
      return (perJob.get(metadata.name) ?? []).length > (wasAssigned ? 7 : 6)
    })
    expect(over.map(({ metadata }) => inWords(perJob.get(metadata.name) ?? []))).to.deep.equal([])
    expect(perJob.size).to.equal(names.length)
    expect(events.length).to.be.at.most(names.length)
  })

  it('come from the operator’s account, and are never forbidden', async () => {
    const writes = await audit.writes(busy.namespace)
    const ours = writes.filter(({ userAgent }) => /^runnerhub-(cache|controller|facade|lease)\//.test(userAgent))
    const account = `system:serviceaccount:${busy.namespace}:runnerhub`
    expect(new Set(ours.map(({ user }) => user))).to.deep.equal(new Set([account]))
    expect(inWords(ours.filter(({ code }) => code === 403))).to.deep.equal([])
  })

  it('are only Lease renewals during twelve idle seconds', async () => {
    const left = Math.max(0, idle.since + IDLE_MS - performance.now())
    await new Promise((resolve) => setTimeout(resolve, left))
    const { leases, ...others } = await idle.audit.columns(still.namespace)
    expect(inWords(Object.values(others).flat())).to.deep.equal([])
    expect(leases, 'the operator is alive').to.have.length.above(5)
    const failed = (await idle.audit.writes(still.namespace)).filter(({ code }) => code >= 300)
    expect(inWords(failed), 'nor is anything tried').to.deep.equal([])
  })

  it('are none when a kubelet changes a field that no decision depends on', async () => {
    await idle.audit.mark()
    for (const count of [1, 2, 3]) {
      const condition = { type: 'Ready', status: 'False', reason: `Probe${count}` }
      await still.kubelet.apply('running-1', (pod) => ({ ...pod.status, conditions: [condition] }))
    }
    // A change that does matter comes after them in the same watch.
    await still.kubelet.apply('unpulled-1', running)
    await still.jobIs('unpulled', { phase: 'Running' })
    await quiet(still, idle.audit)
    const { counted } = await idle.audit.columns(still.namespace)
    expect(inWords(counted).filter((write) => write.includes('running'))).to.deep.equal([])
    const [pod] = (await still.list(pods)).filter(({ metadata }) => metadata.name === 'running-1')
    expect(pod?.metadata.finalizers).to.include(OUTCOME_FINALIZER)
  })
})
