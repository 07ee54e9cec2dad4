import { expect } from 'chai'
import { Metrics } from '../../../src/metrics/registry.ts'
import { aJob, aRunner, at, stamp, t0 } from '../../objects/builders.ts'
import { samplesOf } from '../../objects/samples.ts'
import { FilledCaches } from '../../objects/stores.ts'
import { HandClock } from '../../observe/clock.ts'

describe('the metrics of the queue', () => {
  const start = async () => {
    const stores = await new FilledCaches().fill()
    const clock = new HandClock(at(60))
    const metrics = new Metrics({ clock, version: '1.2.3' })
    metrics.watch(stores.caches)
    return { stores, read: async (name: string) => samplesOf(await metrics.text()).get(`github_runnerhub_${name}`) }
  }
  const queued = (name: string, seconds: number) =>
    aJob({ metadata: { name, creationTimestamp: t0 }, spec: { delegatedAt: at(seconds).toISOString() } })

  it('export how many jobs wait, and the longest wait', async () => {
    const { stores, read } = await start()
    expect(await read('queue_depth')).to.equal(0)
    expect(await read('queue_oldest_wait_seconds')).to.equal(0)
    stores.putJob(queued('second', 20))
    const first = stores.putJob(queued('first', 10))
    expect(await read('queue_depth')).to.equal(2)
    expect(await read('queue_oldest_wait_seconds')).to.equal(50)
    stores.putRunner(aRunner({ job: first }))
    expect(await read('queue_depth')).to.equal(1)
    expect(await read('queue_oldest_wait_seconds')).to.equal(40)
  })

  it('are absent until the caches are synced', async () => {
    const stores = new FilledCaches()
    const metrics = new Metrics({ clock: new HandClock(at(60)), version: '1.2.3' })
    metrics.watch(stores.caches)
    stores.putJob(queued('job', 10))
    const exported = async () =>
      [...samplesOf(await metrics.text()).keys()].filter((name) => /_(queue|runners)/.test(name))
    expect(await exported()).to.deep.equal([])
    await stores.fill()
    expect(await exported()).to.include('github_runnerhub_queue_depth')
    expect(await exported()).to.include('github_runnerhub_runners{type="proxy",status="idle"}')
  })

  it('count a date in the future as no wait', async () => {
    const { stores, read } = await start()
    stores.putJob(queued('early', 90))
    expect(await read('queue_oldest_wait_seconds')).to.equal(0)
  })

  it('observe the start of each job once, phase by phase', async () => {
    const { stores, read } = await start()
    const job = stores.putJob(queued('job', 1))
    const running = { ...job, status: { phase: 'Running', assignedAt: stamp(5), startedAt: stamp(12) } } as const
    stores.putJob({ ...job, status: { phase: 'Assigned', assignedAt: stamp(5) } })
    stores.putJob(running)
    stores.putJob({ ...running, status: { ...running.status, phase: 'Completed', completedAt: stamp(20) } })
    expect(await read('job_start_seconds_sum{phase="queued"}')).to.equal(4)
    expect(await read('job_start_seconds_sum{phase="assigned"}')).to.equal(7)
    expect(await read('job_start_seconds_count{phase="queued"}')).to.equal(1)
    expect(await read('job_start_seconds_count{phase="assigned"}')).to.equal(1)
  })

  it('observe no start of a job that never started', async () => {
    const { stores, read } = await start()
    const job = stores.putJob(queued('job', 1))
    stores.putJob({ ...job, status: { phase: 'Cancelled', completedAt: stamp(20) } })
    expect(await read('job_start_seconds_count{phase="queued"}')).to.equal(0)
  })
})
