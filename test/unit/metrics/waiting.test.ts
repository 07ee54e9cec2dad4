import { expect } from 'chai'
import type { RunnerJobStatus } from '../../../src/api/runner-job.ts'
import { Metrics } from '../../../src/metrics/registry.ts'
import { aJob } from '../../objects/builders.ts'
import { samplesOf } from '../../objects/samples.ts'
import { FilledCaches } from '../../objects/stores.ts'
import { HandClock } from '../../observe/clock.ts'

describe('the metric of waiting jobs', () => {
  it('counts each by its reason for as long as it has not started', async () => {
    const stores = await new FilledCaches().fill()
    const metrics = new Metrics({ clock: new HandClock(), version: '1.2.3' })
    metrics.watch(stores.caches)
    const put = (name: string, status: RunnerJobStatus) => stores.putJob(aJob({ metadata: { name }, status }))
    const read = async () => {
      const samples = [...samplesOf(await metrics.text())].filter(([, value]) => value > 0)
      return samples.flatMap(([name, value]) => {
        const reason = /^github_runnerhub_waiting_jobs\{reason="(\w+)"\}$/.exec(name)?.[1]
        return reason === undefined ? [] : [`${reason} ${value}`]
      })
    }
    put('new', { phase: 'Queued' })
    put('full', { phase: 'Queued', reason: 'PoolFull' })
    put('unmounted', { phase: 'Assigned', reason: 'VolumeUnavailable' })
    const other = put('other', { phase: 'Assigned', reason: 'VolumeUnavailable' })
    put('later', { phase: 'Assigned', reason: 'OfALaterVersion' })
    expect(await read()).to.have.members(['PoolFull 1', 'VolumeUnavailable 2', 'Other 1'])
    put('unmounted', { phase: 'Running', reason: 'Running' })
    put('full', { phase: 'Failed', reason: 'JobTimeout' })
    stores.remove(other)
    expect(await read()).to.deep.equal(['Other 1'])
  })
})
