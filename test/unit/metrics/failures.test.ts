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
