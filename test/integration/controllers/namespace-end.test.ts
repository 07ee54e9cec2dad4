import { expect } from 'chai'
import { OUTCOME_FINALIZER, RUNNER_LABEL } from '../../../src/api/names.ts'
import { namespaces } from '../../../src/api/namespace.ts'
import { isHeldPod, pods } from '../../../src/api/pod.ts'
import { runnerPools } from '../../../src/api/runner-pool.ts'
import { commandOf } from '../../documents/documents.ts'
import { runs } from '../../kubelet/script.ts'
import type { Operator } from '../../processes/operator.ts'
import { call } from '../../site/calls/call.ts'
import { openShell } from '../../site/calls/shell.ts'
import { newPod } from '../../site/objects.ts'
import { openSite, type Site } from '../../site/site.ts'

const MINUTE_MS = 60_000
const forever = new AbortController().signal

describe('kubectl delete namespace', function () {
  this.timeout('120s')
  let site: Site

  beforeEach(async () => {
    site = await openSite()
    await site.createPool('default', { labels: ['linux'], maxRunners: 2 })
  })
  afterEach(() => site?.close())

  /** Two jobs that run, and more that wait for slots. */
  async function busy({ stopMs }: { stopMs: number }): Promise<void> {
    site.kubelet.onPod(() => ({ ...runs(), stop: { afterMs: stopMs } }))
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    for (const name of names) await site.createJob(name, { labels: ['linux'] })
    for (const name of names.slice(0, 2)) await site.jobIs(name, { phase: 'Running' })
  }

  /** Deletes the namespace; `isGone` resolves when it no longer exists. */
  async function deleteNamespace(): Promise<{ isGone: Promise<void> }> {
    const isGone = goneWithin(MINUTE_MS)
    isGone.catch(() => {})
    await site.client.delete(namespaces, { namespace: '', name: site.namespace }, {}, forever)
    return { isGone }
  }

  async function goneWithin(ms: number): Promise<void> {
    const fieldSelector = `metadata.name=${site.namespace}`
    for await (const events of site.client.watch(namespaces, undefined, { fieldSelector }, AbortSignal.timeout(ms))) {
      if (events.some(({ type }) => type === 'DELETED')) return
    }
    throw new Error('the watch of the namespace ended before it was gone')
  }

  it('completes while an operator serves the namespace, which starts nothing new and logs no failure', async () => {
    const operator = await site.operator()
    await busy({ stopMs: 2000 })
    const { isGone } = await deleteNamespace()
    await operator.logged('the namespace is being deleted: released its pods')
    // The response to a caller has the reason.
    const body = { repository: 'owner/repo', runId: '7', jobId: '7', workflow: 'CI', runnerName: 'proxy', labels: [] }
    const answer = await call(`${operator.url}/api/jobs/delegate`, { method: 'POST', body })
    expect(answer.status).to.equal(503)
    expect(answer.body['error']).to.equal('the namespace is being deleted, nothing can be created')
    await isGone
    expect(site.kubelet.ledger.all.map(({ job }) => job)).to.have.members(['a', 'b'])
    const failed = operator.log.filter(({ msg }) => msg === 'reconcile failed' || msg === 'cannot write event')
    expect(failed, operator.tail()).to.deep.equal([])
  })

  it('completes when its operators stop at once, before the pods of jobs', async () => {
    const leader = await site.operator()
    await leader.leads()
    const other = await site.operator({ identity: 'operator-2' })
    await busy({ stopMs: 6000 })
    const { isGone } = await deleteNamespace()
    // As on a lost node: the remaining replica does not lead.
    leader.kill()
    expect(await other.terminate()).to.be.below(10_000)
    expect(other.log.map(({ msg }) => msg)).to.include('the namespace is being deleted: released its pods')
    expect(other.log.map(({ msg }) => msg)).to.not.include('became leader')
    await isGone
  })

  it('completes if a pod has lost its labels', async () => {
    const operator = await site.operator()
    await site.create(pods, newPod('bare', { finalizers: [OUTCOME_FINALIZER] }))
    const { isGone } = await deleteNamespace()
    await operator.terminate()
    await isGone
  })

  it('waits for the documented command without an operator', async () => {
    await site.create(pods, newPod('left', { labels: { [RUNNER_LABEL]: 'left-1' }, finalizers: [OUTCOME_FINALIZER] }))
    const { isGone } = await deleteNamespace()
    await site.until('the pod to be deleted', async () => (await site.pod('left'))?.metadata.deletionTimestamp)
    const shell = await openShell(site)
    await shell.run(commandOf('docs/operations.md', 'kubectl --namespace runnerhub get pods --output'))
    await isGone
    await shell.close()
  })

  it('stops an operator without pods at the first refused create, which is not a failure', async () => {
    const operator = await site.operator()
    await site.createJob('a', { labels: ['later'] })
    await site.jobIs('a', { reason: 'NoMatchingPool' })
    // Roles exist as long as a pod does.
    const other = await site.create(pods, newPod('other', { finalizers: ['example.com/other'] }))
    const { isGone } = await deleteNamespace()
    await site.until('the pod to be deleted', async () => (await site.pod('other'))?.metadata.deletionTimestamp)
    const key = { namespace: site.namespace, name: 'default' }
    await site.client.patchMerge(runnerPools, key, { spec: { labels: ['later'] } }, forever)
    await operator.logged('the namespace is being deleted: the controllers stop')
    const patch = { metadata: { uid: other.metadata.uid, finalizers: null } }
    await site.client.patchMerge(pods, { namespace: site.namespace, name: other.metadata.name }, patch, forever)
    await isGone
    expect(
      operator.log.filter(({ msg }) => msg === 'reconcile failed'),
      operator.tail(),
    ).to.deep.equal([])
  })

  it('is the only reason to release pods: a replica that stops keeps the finalizers', async () => {
    const operator: Operator = await site.operator()
    await busy({ stopMs: 0 })
    await operator.terminate()
    const left = await site.list(pods)
    expect(left.map(isHeldPod)).to.deep.equal([true, true])
  })
})
