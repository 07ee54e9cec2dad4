import { expect } from 'chai'
import { type RunnerJob, runnerJobStatus } from '../../../src/api/runner-job.ts'
import { JobEvents } from '../../../src/realtime/job-events.ts'
import { aJob, aPool, aRunner, stamp } from '../../objects/builders.ts'
import { FilledCaches } from '../../objects/stores.ts'

const assigned = { phase: 'Assigned', assignedAt: stamp(1) } as const
const running = { ...assigned, phase: 'Running', startedAt: stamp(2) } as const
const completed = { ...running, phase: 'Completed', completedAt: stamp(3), reason: 'Succeeded' } as const

describe('the events of a job', () => {
  let stores: FilledCaches
  let emitted: string[]

  beforeEach(async () => {
    stores = await begin()
  })

  /** A process start with this list of jobs, whose events earlier processes may have emitted. */
  async function begin(...listed: RunnerJob[]): Promise<FilledCaches> {
    const begun = new FilledCaches()
    emitted = []
    const events = new JobEvents(begun.caches)
    events.onEvent(({ jobId, status, sequence }) => emitted.push(`${jobId} ${sequence} ${status}`))
    await begun.caches.jobs.replaceAll(listed, '1')
    return begun
  }

  /** A new list, as a reflector makes one after its watch broke and its version expired. */
  const relist = (version: string, ...jobs: RunnerJob[]) => stores.caches.jobs.replaceAll(jobs, version)
  const listed = (status: RunnerJob['status'], resourceVersion: string) =>
    aJob({ status, metadata: { resourceVersion } })

  it('are emitted in order, each once, whatever else changes', () => {
    const job = stores.putJob(aJob())
    stores.putRunner(aRunner({ job }))
    stores.putJob({ ...job, status: assigned })
    stores.putJob({ ...job, status: { ...assigned, reason: 'ImagePull' } })
    stores.putJob({ ...job, status: running })
    stores.putRunner(aRunner({ job, status: { phase: 'Busy' } }))
    stores.putJob({ ...job, status: completed })
    stores.putJob({ ...job, status: { ...completed, message: 'exit code 0' } })
    expect(emitted).to.deep.equal([
      'job-uid 1 queued',
      'job-uid 2 assigned',
      'job-uid 3 running',
      'job-uid 4 completed',
    ])
  })

  it('come before the deletion, which follows the end that the job had, or cancelled', () => {
    const order: string[] = []
    const events = new JobEvents(stores.caches)
    events.onEvent(({ status }) => order.push(status))
    events.onDeletion(({ event, status, reason }) => order.push(`${event} ${status} ${reason}`))
    stores.remove(stores.putJob(aJob()))
    stores.remove(stores.putJob({ ...aJob(), status: completed }))
    expect(order).to.deep.equal([
      'queued',
      'cancelled',
      'job:deleted cancelled null',
      'queued',
      'assigned',
      'running',
      'completed',
      'job:deleted completed Succeeded',
    ])
  })

  it('have no reason before an operator sets one', () => {
    const jobEvents = new JobEvents(stores.caches)
    expect(jobEvents.current(aJob({ status: runnerJobStatus.default })).reason).to.equal(null)
    expect(jobEvents.current(aJob({ status: { phase: 'Queued', reason: 'PoolFull' } })).reason).to.equal('PoolFull')
  })

  it('have the queue position of a job that waits in a pool', () => {
    const filled = new FilledCaches()
    const jobEvents = new JobEvents(filled.caches)
    const [first, second] = [
      filled.putJob(aJob({ metadata: { name: 'a' } })),
      filled.putJob(aJob({ metadata: { name: 'b' } })),
    ]
    expect(jobEvents.current(first)).to.not.have.property('queuePosition')
    filled.putPool(aPool())
    expect([first, second].map((job) => jobEvents.current(job).queuePosition)).to.deep.equal([1, 2])
    filled.putRunner(aRunner({ job: first }))
    expect(jobEvents.current(first)).to.include({ status: 'assigned' }).and.not.have.property('queuePosition')
  })

  it('have the word of the runner at the end of a job, and only then', () => {
    const results: unknown[] = []
    const events = new JobEvents(stores.caches)
    events.onEvent((event) => results.push(Object.hasOwn(event, 'result') ? event.result : 'none'))
    const job = stores.putJob(aJob())
    stores.putJob({ ...job, status: running })
    const ended = stores.putJob({ ...job, status: { ...completed, result: 'SucceededWithIssues' } })
    expect(results).to.deep.equal(['none', 'none', 'none', 'SucceededWithIssues'])
    expect(events.current(ended).result).to.equal('SucceededWithIssues')
  })

  it('are complete and in order if only the last state is seen', () => {
    stores.putJob(aJob({ status: completed }))
    expect(emitted).to.deep.equal([
      'job-uid 1 queued',
      'job-uid 2 assigned',
      'job-uid 3 running',
      'job-uid 4 completed',
    ])
  })

  const ended = { poolName: 'pool', reason: 'Evicted', message: 'm' }
  const twice = [
    { ...ended, number: 1, endedAt: stamp(3) },
    { ...ended, number: 2, startedAt: stamp(4), endedAt: stamp(5) },
  ]

  it('begin again with each further attempt, and their numbers go on', () => {
    const job = stores.putJob(aJob({ status: assigned }))
    stores.putJob({ ...job, status: { phase: 'Queued', reason: 'Retrying', attempts: twice.slice(0, 1) } })
    stores.putJob({ ...job, status: { ...running, attempts: twice.slice(0, 1) } })
    stores.putJob({ ...job, status: { phase: 'Queued', reason: 'Retrying', attempts: twice } })
    stores.putJob({ ...job, status: { ...completed, attempts: twice } })
    const all = [
      'job-uid 1 queued',
      'job-uid 2 assigned',
      'job-uid 4 queued',
      'job-uid 5 assigned',
      'job-uid 6 running',
      'job-uid 7 queued',
      'job-uid 8 assigned',
      'job-uid 9 running',
      'job-uid 10 completed',
    ]
    expect(emitted).to.deep.equal(all)
    emitted.length = 0
    stores.remove(stores.putJob({ ...job, metadata: { ...job.metadata, uid: 'later' } }))
    emitted.length = 0
    stores.putJob(aJob({ metadata: { name: 'unseen' }, status: { ...completed, attempts: twice } }))
    expect(emitted).to.deep.equal(all.map((event) => event.replace('job-uid', 'unseen-uid')))
  })

  it('have the reason that keeps a job in its state in events of their own, each once', () => {
    const reasons: string[] = []
    const events = new JobEvents(stores.caches)
    events.onReason(({ event, status, sequence, reason }) => reasons.push(`${event} ${status} ${sequence} ${reason}`))
    const job = stores.putJob(aJob())
    stores.putJob({ ...job, status: { phase: 'Queued', reason: 'PoolFull' } })
    stores.putJob({ ...job, status: { phase: 'Queued', reason: 'PoolFull', message: 'other' } })
    stores.putJob({ ...job, status: { ...assigned, reason: 'RunnerStarting' } })
    stores.putJob({ ...job, status: { ...assigned, reason: 'ImagePull' } })
    stores.putJob({ ...job, status: completed })
    expect(reasons).to.deep.equal(['job:reason queued 1 PoolFull', 'job:reason assigned 2 ImagePull'])
  })

  it('carry the attempt from the second one on, and only the first is a delegation', () => {
    const events = new JobEvents(stores.caches)
    const status = { phase: 'Queued', reason: 'Retrying' } as const
    expect(events.current(aJob())).to.include({ event: 'job:delegated', sequence: 1 }).and.not.have.property('attempt')
    const second = events.current(aJob({ status: { ...status, attempts: twice } }))
    expect(second).to.include({ event: 'job:status', status: 'queued', sequence: 7, attempt: 3, reason: 'Retrying' })
  })

  it('include no state that the job never had', () => {
    stores.putJob(aJob({ status: { phase: 'Cancelled', completedAt: stamp(3) } }))
    expect(emitted).to.deep.equal(['job-uid 1 queued', 'job-uid 4 cancelled'])
  })

  it('continue after a broken watch and a new list: missed events are emitted, and none twice', async () => {
    await relist('10', listed(assigned, '9'))
    emitted.length = 0
    await relist('20', listed(assigned, '9'))
    expect(emitted).to.deep.equal([])
    await relist('30', listed(completed, '25'))
    expect(emitted).to.deep.equal(['job-uid 3 running', 'job-uid 4 completed'])
    await relist('40', listed(completed, '25'))
    expect(emitted).to.have.length(2)
  })

  it('continue in a restarted process: existing states emit nothing, later changes do', async () => {
    stores = await begin(aJob({ status: running }))
    expect(emitted).to.deep.equal([])
    stores.putJob(aJob({ status: completed }))
    expect(emitted).to.deep.equal(['job-uid 4 completed'])
  })

  it('start over with another job under the same name', async () => {
    stores.putJob(aJob({ status: completed }))
    emitted.length = 0
    const again = aJob({ metadata: { uid: 'again-uid' } })
    stores.putJob(again)
    expect(emitted).to.deep.equal(['again-uid 1 queued'])
    stores.putJob({ ...again, status: running })
    expect(emitted.slice(1)).to.deep.equal(['again-uid 2 assigned', 'again-uid 3 running'])
  })

  it('end with one cancelled if the job is deleted before its end', async () => {
    const job = stores.putJob(aJob({ status: running }))
    emitted.length = 0
    stores.remove(job)
    stores.remove(job)
    expect(emitted).to.deep.equal(['job-uid 4 cancelled'])
  })

  it('end with cancelled if the deletion itself was not seen', async () => {
    stores.putJob(aJob({ status: running }))
    emitted.length = 0
    await relist('100')
    expect(emitted).to.deep.equal(['job-uid 4 cancelled'])
  })

  it('include no second end if the job is deleted after its end', () => {
    const job = stores.putJob(aJob({ status: completed }))
    emitted.length = 0
    stores.remove(job)
    expect(emitted).to.deep.equal([])
  })
})

describe('the reasons in the events of a job', () => {
  let filled: FilledCaches
  let emitted: [status: string, sequence: number, reason: string | null][]
  let jobEvents: JobEvents

  beforeEach(async () => {
    filled = new FilledCaches()
    await filled.caches.jobs.replaceAll([], '1')
    emitted = []
    jobEvents = new JobEvents(filled.caches)
    jobEvents.onEvent(({ status, sequence, reason }) => emitted.push([status, sequence, reason]))
  })

  it('are those of the state at its time', () => {
    for (const status of [
      { phase: 'Queued', reason: 'PoolFull' },
      { phase: 'Running', reason: 'Running', startedAt: stamp(10) },
      { phase: 'Completed', reason: 'Succeeded', startedAt: stamp(10) },
    ] as const) {
      filled.putJob(aJob({ status }))
    }
    expect(emitted).to.deep.equal([
      ['queued', 1, 'PoolFull'],
      ['assigned', 2, null],
      ['running', 3, 'Running'],
      ['completed', 4, 'Succeeded'],
    ])
  })

  it('of past states are never those of a later one', () => {
    const times = { assignedAt: stamp(5), startedAt: stamp(10) }
    const job = filled.putJob(aJob({ status: { phase: 'Failed', reason: 'ExitCode', ...times } }))
    expect(emitted).to.deep.equal([
      ['queued', 1, null],
      ['assigned', 2, null],
      ['running', 3, null],
      ['failed', 4, 'ExitCode'],
    ])
    expect(jobEvents.current(job)).to.include({ status: 'failed', sequence: 4, reason: 'ExitCode' })
  })
})
