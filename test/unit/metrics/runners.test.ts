import { expect } from 'chai'
import { Metrics } from '../../../src/metrics/registry.ts'
import { aJob, aProxy, at } from '../../objects/builders.ts'
import { samplesOf } from '../../objects/samples.ts'
import { FilledCaches } from '../../objects/stores.ts'
import { HandClock } from '../../observe/clock.ts'

describe('the metric of runners', () => {
  it('counts a proxy runner as busy while it delegates, and as offline after it went offline', async () => {
    const stores = await new FilledCaches().fill()
    const metrics = new Metrics({ clock: new HandClock(at(0)), version: '1.2.3' })
    metrics.watch(stores.caches)
    const proxies = async () => {
      const samples = samplesOf(await metrics.text())
      return ['idle', 'busy', 'offline'].map((status) =>
        samples.get(`github_runnerhub_runners{type="proxy",status="${status}"}`),
      )
    }
    const proxy = stores.putRunner(aProxy())
    expect(await proxies()).to.deep.equal([1, 0, 0])
    const job = stores.putJob(aJob({ spec: { runnerName: 'proxy-1' } }))
    expect(await proxies()).to.deep.equal([0, 1, 0])
    stores.putRunner({ ...proxy, status: { phase: 'Offline' } })
    expect(await proxies()).to.deep.equal([0, 0, 1])
    stores.putRunner(proxy)
    stores.putJob({ ...job, status: { phase: 'Completed' } })
    expect(await proxies()).to.deep.equal([1, 0, 0])
  })
})
