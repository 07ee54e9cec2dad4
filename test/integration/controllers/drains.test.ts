import { expect } from 'chai'
import { kubectl } from '../../../config/local/run.d/kubectl.ts'
import { run } from '../../../config/local/run.d/program.ts'
import { podDisruptionBudgets } from '../../../src/api/pod-disruption-budget.ts'
import { runnerPools } from '../../../src/api/runner-pool.ts'
import { exited, ignored, runs, succeeds } from '../../kubelet/script.ts'
import { STAND_IN_NODE } from '../../kubelet/node.ts'
import type { Operator } from '../../processes/operator.ts'
import { openSite, type Site } from '../../site/site.ts'

const forever = new AbortController().signal
const BUDGET = 'runnerhub-pool-default'

describe('a drain of the node of a job', function () {
  this.timeout('60s')
  let site: Site
  let operator: Operator

  before(async () => {
    site = await openSite()
    await site.createPool('default')
    operator = await site.operator()
    await site.until('the budget', () => site.get(podDisruptionBudgets, BUDGET))
    for (const [job, script] of [
      ['running', runs()],
      ['pending', ignored()],
      ['over', succeeds()],
    ] as const) {
      site.kubelet.onPod(() => script)
      await site.createJob(job)
      await site.kubeletHas(job)
    }
    await Promise.all([site.jobIs('running', { phase: 'Running' }), site.jobIs('over', { phase: 'Completed' })])
  })
  afterEach(() => site.checkInvariants())
  after(() => site.close())

  const ask = (args: string[], input = '') => {
    const { kubeconfig } = site.plane.controlPlane
    return run(kubectl({ kubeconfig, namespace: site.namespace }, ...args), { input }, forever)
  }

  /** Calls the eviction API. */
  function evict(pod: string) {
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: pod, namespace: site.namespace } }
    const path = `/api/v1/namespaces/${site.namespace}/pods/${pod}/eviction`
    return ask(['create', '--raw', path, '--filename=-'], JSON.stringify(eviction))
  }

  const drain = (...args: string[]) =>
    ask(['drain', STAND_IN_NODE, `--pod-selector=runnerhub.dev/job=running`, ...args])

  it('is refused the pod that runs, and gets the one that is pending and the one that is over', async () => {
    const refused = await evict('running-1')
    expect(refused.code).to.not.equal(0)
    expect(refused.stderr).to.include("violate the pod's disruption budget")
    for (const job of ['pending', 'over']) {
      const { code, stderr } = await evict(`${job}-1`)
      expect(code, stderr).to.equal(0)
    }
    expect((await site.job('running'))?.status.phase).to.equal('Running')
  })

  it('waits for the end of the job, and then completes', async () => {
    const early = await drain('--dry-run=server', '--timeout=1s')
    expect(early.code, early.stdout).to.not.equal(0)
    const drained = drain('--timeout=50s')
    await site.kubelet.apply('running-1', (pod) => exited(pod, 0))
    const { code, stderr } = await drained
    expect(code, stderr).to.equal(0)
    await site.jobIs('running', { phase: 'Completed' })
  })

  it('has its budget again after a restart, if somebody changed that', async () => {
    const key = { namespace: site.namespace, name: BUDGET }
    await site.client.patchMerge(podDisruptionBudgets, key, { spec: { minAvailable: 0 } }, forever)
    operator.kill()
    await operator.close()
    operator = await site.operator()
    await site.until('the budget', async () => (await site.get(podDisruptionBudgets, BUDGET))?.spec.minAvailable !== 0)
  })

  it('has its budget until the last job of a deleted pool is over, also if no operator ran meanwhile', async () => {
    const isGone = async (pool: string) =>
      (await site.get(podDisruptionBudgets, `runnerhub-pool-${pool}`)) === undefined
    await site.createPool('idle')
    await site.until('a second budget', async () => !(await isGone('idle')))
    site.kubelet.onPod(() => runs())
    await site.createJob('last')
    await site.jobIs('last', { phase: 'Running' })
    await Promise.all([site.delete(runnerPools, 'default'), site.delete(runnerPools, 'idle')])
    await site.until('the budget of the idle pool to go', () => isGone('idle'))
    expect((await evict('last-1')).stderr).to.include("violate the pod's disruption budget")

    operator.kill()
    await operator.close()
    await site.kubelet.apply('last-1', (pod) => exited(pod, 0))
    operator = await site.operator()
    await site.jobIs('last', { phase: 'Completed' })
    await site.until('its budget to go', () => isGone('default'))
  })
})
