import { expect } from 'chai'
import { pods } from '../../../src/api/pod.ts'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { newPod } from '../../site/objects.ts'
import { openSite, type Site } from '../../site/site.ts'

const forever = new AbortController().signal

/** The waits that tests rely on, without an operator. */
describe('a wait for the status of a job', function () {
  this.timeout('30s')
  let site: Site

  before(async () => {
    site = await openSite()
  })
  after(() => site.close())

  const become = (name: string, status: object): Promise<unknown> =>
    site.client.patchMerge(runnerJobs, { namespace: site.namespace, name }, { status }, forever, 'status')

  it('ends as soon as the watch shows it', async () => {
    await site.createJob('runs')
    const waiting = site.jobIs('runs', { phase: 'Running' })
    await become('runs', { phase: 'Running', startedAt: '2026-01-01T00:00:00Z' })
    expect((await waiting).status.phase).to.equal('Running')
  })

  it('fails at once when the job finishes differently', async () => {
    await site.createJob('fails')
    const begun = performance.now()
    const waiting = site.jobIs('fails', { phase: 'Completed' }, 20_000)
    await become('fails', { phase: 'Failed', completedAt: '2026-01-01T00:00:00Z' })
    const error = await waiting.then(
      () => 'it continued',
      (failure: unknown) => String(failure),
    )
    expect(error).to.match(/it is over, as \{"completedAt":.*"phase":"Failed"/)
    expect(performance.now() - begun, 'milliseconds').to.be.below(10_000)
  })

  it('does not treat an object that the watch has not seen yet as gone', async () => {
    for (let turn = 0; turn < 5; turn += 1) {
      await site.create(pods, newPod(`pod-${turn}`))
      const gone = site.until('it to be gone', async () => (await site.pod(`pod-${turn}`)) === undefined, 300)
      expect(await gone.catch(String)).to.include('not within 300 ms')
    }
  })
})
