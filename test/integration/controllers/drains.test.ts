import { expect } from 'chai'
import { kubectl } from '../../../config/local/run.d/kubectl.ts'
import { run } from '../../../config/local/run.d/program.ts'
import { podDisruptionBudgets } from '../../../src/api/pod-disruption-budget.ts'
import { runnerPools } from '../../../src/api/runner-pool.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { exited, ignored, runs, succeeds } from '../../kubelet/script.ts'
import { STAND_IN_NODE } from '../../kubelet/node.ts'
import type { Operator } from '../../processes/operator.ts'
import { eventually } from '../../observe/eventually.ts'
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
  after(async () => {
    await ask(['uncordon', STAND_IN_NODE])
    await site.close()
  })

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

  const bindingOfNodes = () => ['clusterrolebinding', `runnerhub-nodes-${site.namespace}`]

  async function mayWatchNodes(): Promise<boolean> {
    const resourceAttributes = { verb: 'watch', group: '', resource: 'nodes' }
    const spec = { user: `system:serviceaccount:${site.namespace}:runnerhub`, resourceAttributes }
    const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec }
    const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews'
    const answer = asObject(await site.client.request('POST', path, { body }, forever))
    return asObject(answer['status'])['allowed'] === true
  }

  const deadlineOf = async (pool: string) =>
    (await site.get(runnerPools, pool))?.status?.conditions?.find(({ type }) => type === 'DrainDeadline')

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

  it('is waited for where the operator may not watch nodes; its pool says so, and its jobs run', async () => {
    expect((await ask(['delete', ...bindingOfNodes()])).code).to.equal(0)
    await eventually(async () => !(await mayWatchNodes()), { what: 'the right to be gone' })
    expect((await ask(['cordon', STAND_IN_NODE])).code).to.equal(0)
    await site.createPool('short', { labels: ['short'], drainDeadlineSeconds: 2 })
    await site.until('the pool to say so', async () => (await deadlineOf('short'))?.reason === 'NodesForbidden')
    await site.createJob('drained', { labels: ['short'] })
    await site.jobIs('drained', { phase: 'Running' })

    const account = `--serviceaccount=${site.namespace}:runnerhub`
    expect((await ask(['create', ...bindingOfNodes(), '--clusterrole=runnerhub-nodes', account])).code).to.equal(0)
    await eventually(mayWatchNodes, { what: 'the right to be back' })
  })

  it('is waited for no longer than its pool allows: the job fails with Drained', async () => {
    const key = { namespace: site.namespace, name: 'short' }
    // Without a deadline nodes are not watched: with one they are watched again at once.
    for (const drainDeadlineSeconds of [null, 2])
      await site.client.patchMerge(runnerPools, key, { spec: { drainDeadlineSeconds } }, forever)
    await site.until('the pool to say so', async () => (await deadlineOf('short'))?.status === 'True')
    const { metadata, status } = await site.jobIs('drained', { phase: 'Failed', reason: 'Drained' })
    expect(status.message).to.include(`node ${STAND_IN_NODE} is being drained`)
    const shown = site.history.of(metadata.uid).map(({ phase, reason }) => `${phase} ${reason}`)
    expect(shown.slice(-2)).to.deep.equal(['Running Drained', 'Failed Drained'])
  })
})
