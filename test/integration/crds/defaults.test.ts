import { expect } from 'chai'
import { type RunnerJob, runnerJobs } from '../../../src/api/runner-job.ts'
import { type RunnerPool, runnerPools } from '../../../src/api/runner-pool.ts'
import { type Runner, runners } from '../../../src/api/runner.ts'
import { type CrdSite, openWithCrds } from '../../objects/crds.ts'

const facts = { repository: 'owner/repo', runId: '1', jobId: '2' }
const runnerFacts = {
  type: 'Ephemeral',
  repository: 'owner/repo',
  poolName: 'pool',
  jobRef: { name: 'job', uid: 'uid' },
}
const unserved = {
  phase: 'Queued',
  reason: 'NoOperator',
  message: 'No operator has looked at this job yet. If this stays for a minute, no operator serves its namespace.',
}
const template = { spec: { containers: [{ name: 'runner', image: 'image', anything: [1, { a: null }] }] } }

describe('a new object', () => {
  let site: CrdSite
  before(async function () {
    this.timeout('60s')
    site = await openWithCrds()
  })
  after(() => site?.cluster.close())

  it('has the defaults of a RunnerJob, and is Queued with the message that no operator runs', async () => {
    const { spec, status } = await site.create<RunnerJob>(runnerJobs, { metadata: { name: 'job' }, spec: facts })
    expect(spec).to.deep.equal({ ...facts, cancel: false, timeoutSeconds: 21_600, ttlSecondsAfterFinished: 86_400 })
    expect(status).to.deep.equal(unserved)
    expect(await site.get(runnerJobs, 'job')).to.deep.include({ spec, status })
  })

  it('has the defaults of a Runner, and is starting', async () => {
    const { spec, status } = await site.create<Runner>(runners, { metadata: { name: 'runner' }, spec: runnerFacts })
    expect(spec).to.deep.equal({ ...runnerFacts, attempt: 1 })
    expect(status).to.deep.equal({ phase: 'Starting' })
  })

  it('has the defaults of a RunnerPool, and its template to the last letter', async () => {
    const { spec, status } = await site.create<RunnerPool>(runnerPools, {
      metadata: { name: 'pool' },
      spec: { template },
    })
    expect(spec.maxRunners).to.equal(20)
    expect(spec.finishedPodTTLSeconds).to.equal(600)
    expect(spec.template).to.deep.equal(template)
    expect(status).to.equal(undefined)
  })

  it('cannot set its own status: no job is created as completed', async () => {
    const status = { phase: 'Completed', reason: 'Succeeded', podUID: 'x' }
    const job = await site.create<RunnerJob>(runnerJobs, { metadata: { name: 'done' }, spec: facts, status })
    expect(job.status).to.deep.equal(unserved)
    const runner = await site.create<Runner>(runners, {
      metadata: { name: 'busy' },
      spec: runnerFacts,
      status: { phase: 'Busy' },
    })
    expect(runner.status).to.deep.equal({ phase: 'Starting' })
  })

  it('keeps no null in an optional field', async () => {
    const spec = { ...facts, timeoutSeconds: null }
    const job = await site.create<RunnerJob>(runnerJobs, { metadata: { name: 'null' }, spec })
    expect(job.spec.timeoutSeconds).to.equal(21_600)
  })

  it('accepts an unknown reason: an older definition must not stop a newer operator', async () => {
    const job = await site.create<RunnerJob>(runnerJobs, { metadata: { name: 'reason' }, spec: facts })
    const written = await site.putStatus(runnerJobs, job, { phase: 'Queued', reason: 'WaitingForTheMoon' })
    expect(written.status).to.deep.equal({ phase: 'Queued', reason: 'WaitingForTheMoon' })
  })
})
