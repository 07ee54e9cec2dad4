import { expect } from 'chai'
import { type Pod, pods } from '../../../src/api/pod.ts'
import type { RunnerJob } from '../../../src/api/runner-job.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { STAND_IN_NODE } from '../../kubelet/node.ts'
import { exited, exits, ignored, refused, runs, type Script, succeeds, waitsFor } from '../../kubelet/script.ts'
import { RestClient } from '../../observe/rest-client.ts'
import { openSite, type Site } from '../../site/site.ts'

const tainted = (reason: string) => [
  { type: 'DisruptionTarget', status: 'True', reason, message: reason, lastTransitionTime: '2026-01-01T00:00:00Z' },
]
const disrupted = (reason: string): Script => ({
  steps: [...runs().steps, { act: (pod: Pod) => ({ ...exited(pod, 137), conditions: tainted(reason) }) }],
})
const outOfMemory: Script = { steps: [...runs().steps, { act: (pod: Pod) => exited(pod, 137, 'OOMKilled') }] }

/** What becomes of the first pod of a job, and how the attempt is recorded. Its second pod succeeds. */
const again: [job: string, pool: string, first: Script, recorded: object][] = [
  [
    'rejected',
    'default',
    refused('OutOfcpu', 'too little cpu'),
    { reason: 'Unschedulable', message: 'too little cpu' },
  ],
  ['evicted', 'all', disrupted('EvictionByEvictionAPI'), { reason: 'Evicted', exitCode: 137 }],
  ['preempted', 'all', disrupted('PreemptionByScheduler'), { reason: 'Preempted', exitCode: 137 }],
  ['lost', 'all', disrupted('DeletionByPodGC'), { reason: 'NodeLost', exitCode: 137 }],
  ['hungry', 'all', outOfMemory, { reason: 'OOMKilled', exitCode: 137 }],
  ['flaky', 'all', exits(3), { reason: 'ExitCode', exitCode: 3 }],
]

/** Pods that somebody deletes, and what they do before. */
const deleted: [job: string, pool: string, first: Script][] = [
  ['unbound', 'default', ignored()],
  ['pulling', 'default', waitsFor('ContainerCreating', '')],
  ['running', 'all', runs()],
]

describe('a job whose attempt was lost', function () {
  this.timeout('60s')
  let site: Site
  let rest: RestClient

  before(async () => {
    site = await openSite()
    const retry = { maxAttempts: 3, backoffSeconds: 1 }
    await site.createPool('default', { retry })
    const on = ['Evicted', 'Preempted', 'NodeLost', 'PodDeleted', 'OOMKilled', 'ExitCode'] as const
    await site.createPool('all', { retry: { ...retry, reasons: [...on] } })
    await site.createPool('poor', {
      retry: { ...retry, budget: { windowSeconds: 3600, perRepository: 1, perPool: 100 } },
    })
    const scripts = new Map<string, Script>([
      ...again.map(([job, , script]) => [`${job}-1`, script] as const),
      ...deleted.map(([job, , script]) => [`${job}-1`, script] as const),
    ])
    const hopeless = ['hopeless', 'poor'].flatMap((job) => [1, 2, 3].map((number) => `${job}-${number}`))
    for (const name of hopeless) scripts.set(name, refused('OutOfcpu', 'too little cpu'))
    site.kubelet.onPod(({ metadata }) => scripts.get(metadata.name) ?? succeeds())
    const { url } = await site.operator()
    rest = new RestClient(url)
    const jobs = [...again, ...deleted, ['hopeless', 'default'] as const, ['poor', 'poor'] as const]
    await Promise.all(jobs.map(([job, poolName]) => site.createJob(job, { poolName })))
    await Promise.all(
      deleted.map(async ([job]) => {
        await site.kubeletHas(job)
        if (job === 'running') await site.jobIs(job, { phase: 'Running' })
        if (job === 'pulling') await site.until('a container', async () => isKnown(await site.pod(job)))
        await site.delete(pods, `${job}-1`)
      }),
    )
  })
  afterEach(() => site.checkInvariants())
  after(() => site.close())

  async function completed(job: string): Promise<RunnerJob> {
    const over = await site.jobIs(job, { phase: 'Completed' }, 30_000)
    expect(over.status).to.deep.include({
      podName: `${job}-2`,
      runnerRef: { ...over.status.runnerRef, name: `${job}-2` },
    })
    await site.eventRecorded(job, 'Retrying')
    return over
  }

  for (const [job, , , recorded] of again) {
    it(`runs again in a second pod after the first one is gone: ${job}`, async () => {
      const { status } = await completed(job)
      expect(status.attempts).to.have.length(1)
      const first = site.kubelet.ledger.of(job)[0]
      expect(status.attempts?.[0]).to.deep.include({
        number: 1,
        runnerName: `${job}-1`,
        podUID: first?.uid,
        nodeName: STAND_IN_NODE,
        ...recorded,
      })
    })
  }

  for (const [job] of deleted) {
    it(`runs again if somebody deleted its pod: ${job}`, async () => {
      expect((await completed(job)).status.attempts?.[0]).to.deep.include({ reason: 'PodDeleted' })
    })
  }

  it('prefers other nodes then, and leaves nothing of the lost attempt', async () => {
    await completed('rejected')
    const pod = await site.get(pods, 'rejected-2')
    expect(JSON.stringify(pod?.spec['affinity'])).to.include(
      '"matchFields":[{"key":"metadata.name","operator":"NotIn","values":["',
    )
    await site.until('the first pod to be gone', async () => (await site.get(pods, 'rejected-1')) === undefined)
  })

  it('fails with its reason after the last attempt, each of which has a pod of its own', async () => {
    const { status } = await site.jobIs('hopeless', { phase: 'Failed', reason: 'Unschedulable' }, 30_000)
    expect(status.attempts).to.have.length(2)
    expect(status.message).to.equal('too little cpu (attempt 3 of 3)')
    expect(site.kubelet.ledger.of('hopeless').map(({ name }) => name)).to.deep.equal(
      [1, 2, 3].map((n) => `hopeless-${n}`),
    )
  })

  it('fails when the budget of its pool is spent, with the reason of the loss', async () => {
    const { status } = await site.jobIs('poor', { phase: 'Failed', reason: 'RetryBudgetSpent' }, 30_000)
    expect(status.message).to.match(/^Unschedulable: too little cpu; RunnerPool poor had 1 further attempts/)
    await site.eventRecorded('poor', 'RetryBudgetSpent')
  })

  it('shows its attempts in REST', async () => {
    const { metadata } = await completed('evicted')
    const { data } = await rest.get(`/api/jobs/${metadata.uid}`)
    const shown = asObject(asObject(data)['metadata'])
    expect(shown['attempt']).to.equal(2)
    expect(shown['attempts']).to.have.nested.property('[0].reason', 'Evicted')
  })
})

function isKnown(pod: Pod | undefined): boolean {
  return pod?.status?.containerStatuses !== undefined
}
