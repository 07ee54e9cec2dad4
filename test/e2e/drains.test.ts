import { expect } from 'chai'
import { run } from '../../config/local/run.d/program.ts'
import { kubectl } from '../../config/local/run.d/kubectl.ts'
import { podDisruptionBudgets } from '../../src/api/pod-disruption-budget.ts'
import { runnerPools } from '../../src/api/runner-pool.ts'
import type { Installation } from './installation/installation.ts'
import { installed } from './installation/installed.ts'
import { runsOn, untilSignalled } from './installation/pools.ts'

const forever = new AbortController().signal
const DRAIN_MS = 60_000

describe('a drain of a real node', function () {
  this.timeout('3m')
  const installation = installed({
    setUp: async (hub) => {
      await Promise.all([
        hub.createPool('held', { script: untilSignalled }),
        hub.createPool('brief', { script: runsOn }),
        hub.createPool('quick'),
        hub.createPool('barred', { pod: { schedulingGates: [{ name: 'example.com/queue' }] } }),
      ])
      const budgets = ['held', 'brief', 'quick', 'barred'].map((pool) => `pdb/runnerhub-pool-${pool}`)
      await hub.until('the budgets', () => hub.kubectl('get', ...budgets))
      for (const pool of ['held', 'brief', 'quick', 'barred']) await hub.createJob(`drain-${pool}`, { labels: [pool] })
      await Promise.all([
        hub.jobIs('drain-held', { phase: 'Running' }),
        hub.jobIs('drain-brief', { phase: 'Running' }),
        hub.jobIs('drain-quick', { phase: 'Completed' }),
        hub.jobIs('drain-barred', { reason: 'SchedulingGated' }),
      ])
      node = (await hub.pod('drain-held'))?.spec.nodeName ?? ''
    },
  })
  let hub: Installation
  let node = ''

  before(() => {
    hub = installation()
  })
  after(() => hub?.kubectl('uncordon', node))

  /** Calls the eviction API; its response, or the error that it gives. */
  async function evict(job: string): Promise<string> {
    const metadata = { name: `${job}-1`, namespace: hub.namespace }
    const path = `/api/v1/namespaces/${hub.namespace}/pods/${job}-1/eviction`
    const input = JSON.stringify({ apiVersion: 'policy/v1', kind: 'Eviction', metadata })
    const { stdout, stderr } = await run(
      kubectl(hub.place, 'create', '--raw', path, '--filename=-'),
      { input },
      forever,
    )
    return stdout + stderr
  }

  const drain = (jobs: string, ...args: string[]) =>
    run(kubectl(hub.place, 'drain', node, `--pod-selector=runnerhub.dev/job in (${jobs})`, ...args), {}, forever)

  it('may evict a pod that is pending or over, and none that runs', async () => {
    expect(await evict('drain-held')).to.match(/TooManyRequests.*violate the pod's disruption budget/)
    for (const job of ['drain-quick', 'drain-barred']) {
      const answer = await evict(job)
      // Its status changed at this moment: a drain evicts it again.
      const last = answer.includes('(Conflict)') ? await evict(job) : answer
      expect(last, job).to.match(/"status":"Success","code":201/)
    }
    await hub.jobIs('drain-barred', { phase: 'Queued', reason: 'Retrying' })
    await hub.kubectl('patch', 'rj', 'drain-barred', '--type=merge', '--patch={"spec":{"cancel":true}}')
    const tried = await drain('drain-held', '--dry-run=server', '--timeout=2s')
    expect(tried.code, tried.stdout).to.not.equal(0)
    expect(tried.stderr).to.include("violate the pod's disruption budget")
    await hub.jobIs('drain-held', { phase: 'Running' })
  })

  it('ends when the jobs end: by themselves, or at the deadline of their pool with reason Drained', async () => {
    const spec = { drainDeadlineSeconds: 2 }
    await hub.client.patchMerge(runnerPools, { namespace: hub.namespace, name: 'brief' }, { spec }, forever)
    const drained = drain('drain-held,drain-brief', `--timeout=${DRAIN_MS / 1000}s`)
    const { status } = await hub.jobIs('drain-brief', { phase: 'Failed', reason: 'Drained' })
    expect(status).to.have.property('message').that.includes(`node ${node} is being drained`)
    await hub.finishJob('drain-held')
    await hub.jobIs('drain-held', { phase: 'Completed' })
    const { code, stdout, stderr } = await drained
    expect(code, stdout + stderr).to.equal(0)
  })

  it('keeps new jobs waiting as Unschedulable until the node takes pods again', async () => {
    await hub.createJob('drain-later', { labels: ['quick'] })
    await hub.jobIs('drain-later', { phase: 'Assigned', reason: 'Unschedulable' })
    await hub.kubectl('uncordon', node)
    await hub.jobIs('drain-later', { phase: 'Completed' })
  })

  it('is protected no longer by the budget of a pool whose last job is over', async () => {
    const key = { namespace: hub.namespace, name: 'runnerhub-pool-held' }
    await hub.kubectl('delete', 'rp', 'held')
    await hub.until(
      'the budget to go',
      async () => (await hub.client.find(podDisruptionBudgets, key, forever)) === undefined,
    )
  })
})
