import { expect } from 'chai'
import { Metrics } from '../../../src/metrics/registry.ts'
import { aJob } from '../../objects/builders.ts'
import { FilledCaches } from '../../objects/stores.ts'
import { HandClock } from '../../observe/clock.ts'

describe('the metric of job failures', () => {
  it('counts each failure once, by its reason, when this process sees it', async () => {
    const stores = new FilledCaches()
    const metrics = new Metrics({ clock: new HandClock(), version: '1.2.3' })
    const job = (name: string, resourceVersion: string, status: Parameters<typeof aJob>[0]) =>
      stores.putJob(aJob({ ...status, metadata: { name, resourceVersion } }))
    job('old', '1', { status: { phase: 'Failed', reason: 'NodeLost' } })
    metrics.watch(stores.caches)
    job('listed', '2', { status: { phase: 'Failed', reason: 'NodeLost' } })
    for (const name of ['a', 'b', 'c', 'd']) job(name, '3', { status: { phase: 'Running' } })
    job('a', '4', { status: { phase: 'Failed', reason: 'NodeLost' } })
    job('a', '5', { status: { phase: 'Failed', reason: 'NodeLost', message: 'again' } })
    job('b', '6', { status: { phase: 'Failed', reason: 'SomeText' } })
    job('c', '7', { status: { phase: 'Cancelled', reason: 'CancelRequested' } })
    const text = await metrics.text()
    const counts = [...text.matchAll(/^github_runnerhub_job_failures_total\{reason="(\w+)"\} ([1-9]\d*)$/gm)]
    expect(counts.map(([, reason, count]) => `${reason} ${count}`)).to.deep.equal(['NodeLost 1', 'Other 1'])
  })
})

describe('the metric of retries', () => {
  it('counts each lost attempt after which a job was tried again, once', async () => {
    const stores = new FilledCaches()
    const metrics = new Metrics({ clock: new HandClock(), version: '1.2.3' })
    const attempts = [1, 2].map((number) => ({ number, poolName: 'p', reason: 'Evicted', message: 'm', endedAt: '' }))
    stores.putJob(aJob({ metadata: { name: 'old' }, status: { attempts } }))
    metrics.watch(stores.caches)
    const job = stores.putJob(aJob())
    stores.putJob({ ...job, status: { phase: 'Queued', attempts: attempts.slice(0, 1) } })
    stores.putJob({ ...job, status: { phase: 'Running', attempts: attempts.slice(0, 1) } })
    stores.putJob({ ...job, status: { phase: 'Queued', attempts } })
    stores.putJob(aJob({ metadata: { name: 'listed' }, status: { attempts } }))
    expect(await metrics.text()).to.match(/^github_runnerhub_job_retries_total 2$/m)
  })
})
