import { expect } from 'chai'
import { type RunnerJob, runnerJobStatus } from '../../../src/api/runner-job.ts'
import { JobEvents } from '../../../src/realtime/job-events.ts'
import { aJob, aRunner, stamp } from '../../objects/builders.ts'
import { FilledCaches } from '../../objects/stores.ts'

const assigned = { phase: 'Assigned', assignedAt: stamp(1) } as const
const running = { ...assigned, phase: 'Running', startedAt: stamp(2) } as const
const completed = { ...running, phase: 'Completed', completedAt: stamp(3), reason: 'Succeeded' } as const

describe('the story of a job', () => {
  let stores: FilledCaches
  let told: string[]

  beforeEach(async () => {
    stores = await begin()
  })

  /** As a process begins: with this list of jobs, which somebody may have been told of before. */
  async function begin(...listed: RunnerJob[]): Promise<FilledCaches> {
    const begun = new FilledCaches()
    told = []
    const events = new JobEvents(begun.caches)
    events.onEvent(({ jobId, status, sequence }) => told.push(`${jobId} ${sequence} ${status}`))
    await begun.caches.jobs.replaceAll(listed, '1')
    return begun
  }

  /** What a reflector does after its watch broke and its version is too old. */
  const relist = (version: string, ...jobs: RunnerJob[]) => stores.caches.jobs.replaceAll(jobs, version)
  const listed = (status: RunnerJob['status'], resourceVersion: string) =>
    aJob({ status, metadata: { resourceVersion } })

  it('is told step by step, each once, whatever else changes', () => {
    const job = stores.putJob(aJob())
    stores.putRunner(aRunner({ job }))
    stores.putJob({ ...job, status: assigned })
    stores.putJob({ ...job, status: { ...assigned, reason: 'ImagePull' } })
    stores.putJob({ ...job, status: running })
    stores.putRunner(aRunner({ job, status: { phase: 'Busy' } }))
    stores.putJob({ ...job, status: completed })
    stores.putJob({ ...job, status: { ...completed, message: 'exit code 0' } })
    expect(told).to.deep.equal(['job-uid 1 queued', 'job-uid 2 assigned', 'job-uid 3 running', 'job-uid 4 completed'])
  })

  it('has no reason before an operator gives one', () => {
    const story = new JobEvents(stores.caches)
    expect(story.current(aJob({ status: runnerJobStatus.default })).reason).to.equal(null)
    expect(story.current(aJob({ status: { phase: 'Queued', reason: 'PoolFull' } })).reason).to.equal('PoolFull')
  })

  it('has all steps in order where only the last is seen', () => {
    stores.putJob(aJob({ status: completed }))
    expect(told).to.deep.equal(['job-uid 1 queued', 'job-uid 2 assigned', 'job-uid 3 running', 'job-uid 4 completed'])
  })

  it('has no steps that a job did not take', () => {
    stores.putJob(aJob({ status: { phase: 'Cancelled', completedAt: stamp(3) } }))
    expect(told).to.deep.equal(['job-uid 1 queued', 'job-uid 4 cancelled'])
  })

  it('goes on over a broken watch and a new list, with what was missed and nothing twice', async () => {
    await relist('10', listed(assigned, '9'))
    told.length = 0
    await relist('20', listed(assigned, '9'))
    expect(told).to.deep.equal([])
    await relist('30', listed(completed, '25'))
    expect(told).to.deep.equal(['job-uid 3 running', 'job-uid 4 completed'])
    await relist('40', listed(completed, '25'))
    expect(told).to.have.length(2)
  })

  it('goes on in a process that begins anew: what was there is no news, what comes of it is', async () => {
    stores = await begin(aJob({ status: running }))
    expect(told).to.deep.equal([])
    stores.putJob(aJob({ status: completed }))
    expect(told).to.deep.equal(['job-uid 4 completed'])
  })

  it('begins anew with another job under the same name', async () => {
    stores.putJob(aJob({ status: completed }))
    told.length = 0
    const again = aJob({ metadata: { uid: 'again-uid' } })
    stores.putJob(again)
    expect(told).to.deep.equal(['again-uid 1 queued'])
    stores.putJob({ ...again, status: running })
    expect(told.slice(1)).to.deep.equal(['again-uid 2 assigned', 'again-uid 3 running'])
  })

  it('ends as cancelled where the job is deleted before its end, once', async () => {
    const job = stores.putJob(aJob({ status: running }))
    told.length = 0
    stores.remove(job)
    stores.remove(job)
    expect(told).to.deep.equal(['job-uid 4 cancelled'])
  })

  it('ends as cancelled where the deletion itself was not seen', async () => {
    stores.putJob(aJob({ status: running }))
    told.length = 0
    await relist('100')
    expect(told).to.deep.equal(['job-uid 4 cancelled'])
  })

  it('ends once where the job is deleted after its end', () => {
    const job = stores.putJob(aJob({ status: completed }))
    told.length = 0
    stores.remove(job)
    expect(told).to.deep.equal([])
  })
})

describe('the reasons in the story of a job', () => {
  let filled: FilledCaches
  let told: [status: string, sequence: number, reason: string | null][]
  let story: JobEvents

  beforeEach(async () => {
    filled = new FilledCaches()
    await filled.caches.jobs.replaceAll([], '1')
    told = []
    story = new JobEvents(filled.caches)
    story.onEvent(({ status, sequence, reason }) => told.push([status, sequence, reason]))
  })

  it('tells each state with the reason that it had', () => {
    for (const status of [
      { phase: 'Queued', reason: 'PoolFull' },
      { phase: 'Running', reason: 'Running', startedAt: stamp(10) },
      { phase: 'Completed', reason: 'Succeeded', startedAt: stamp(10) },
    ] as const) {
      filled.putJob(aJob({ status }))
    }
    expect(told).to.deep.equal([
      ['queued', 1, 'PoolFull'],
      ['assigned', 2, null],
      ['running', 3, 'Running'],
      ['completed', 4, 'Succeeded'],
    ])
  })

  it('gives no state that has passed the reason of a later one', () => {
    const times = { assignedAt: stamp(5), startedAt: stamp(10) }
    const job = filled.putJob(aJob({ status: { phase: 'Failed', reason: 'ExitCode', ...times } }))
    expect(told).to.deep.equal([
      ['queued', 1, null],
      ['assigned', 2, null],
      ['running', 3, null],
      ['failed', 4, 'ExitCode'],
    ])
    expect(story.current(job)).to.include({ status: 'failed', sequence: 4, reason: 'ExitCode' })
  })
})
