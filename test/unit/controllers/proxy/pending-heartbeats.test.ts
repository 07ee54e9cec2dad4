import { expect } from 'chai'
import { proxyName } from '../../../../src/api/names.ts'
import { PendingHeartbeats } from '../../../../src/controllers/proxy/pending-heartbeats.ts'
import { aJob, aLease, aProxy, at, t0 } from '../../../objects/builders.ts'
import { FilledCaches } from '../../../objects/stores.ts'
import { HandClock } from '../../../observe/clock.ts'

const key = `ns/${proxyName('proxy-1')}`

class Scene extends FilledCaches {
  readonly clock = new HandClock(t0)
  readonly woken: string[] = []
  readonly delegations: PendingHeartbeats

  constructor() {
    super()
    const settings = { startTroubleMs: 0, heartbeatMs: 60_000, proxyForgetMs: 3_600_000, maxProxies: 10 }
    const wake = (proxy: string): void => void this.woken.push(proxy)
    this.delegations = new PendingHeartbeats({ caches: this.caches, clock: this.clock, settings, wake })
  }

  delegated(second: number, runnerName = 'proxy-1') {
    return aJob({ spec: { runnerName, delegatedAt: at(second).toISOString() } })
  }
}

describe('a delegation', () => {
  it('is noted if its proxy runner is not registered', () => {
    const scene = new Scene()
    const job = scene.delegated(0)
    scene.delegations.note(job)
    expect(scene.woken).to.deep.equal([key])
    expect(scene.delegations.get(key)).to.deep.equal({ job, atMs: Date.parse(t0) })
  })

  it('is not noted without the name of a proxy runner', () => {
    const scene = new Scene()
    scene.delegations.note(scene.delegated(0, ''))
    scene.delegations.note(aJob())
    expect(scene.woken).to.deep.equal([])
  })

  it('is noted once in a third of a period, however many there are', async () => {
    const scene = new Scene()
    const proxy = scene.putRunner(aProxy())
    scene.putLease(aLease(proxy, 0))
    await scene.clock.advance(60_000)
    for (let second = 0; second < 20; second++) scene.delegations.note(scene.delegated(second))
    expect(scene.woken).to.deep.equal([])
    scene.delegations.note(scene.delegated(20))
    expect(scene.woken).to.deep.equal([key])
  })

  it('from the future counts as now', () => {
    const scene = new Scene()
    scene.delegations.note(scene.delegated(1_000_000))
    expect(scene.delegations.get(key)?.atMs).to.equal(Date.parse(t0))
  })

  it('from long ago registers no proxy runner again', async () => {
    const scene = new Scene()
    scene.putJob(scene.delegated(0))
    await scene.clock.advance(3_600_000)
    scene.delegations.begin()
    expect(scene.woken).to.deep.equal([])
  })

  it('from before a restart is noted if the job has not finished', () => {
    const scene = new Scene()
    const job = scene.putJob(scene.delegated(0))
    scene.delegations.begin()
    expect(scene.woken).to.deep.equal([key])
    const over = new Scene()
    over.putJob({ ...job, status: { phase: 'Completed' } })
    over.delegations.begin()
    expect(over.woken).to.deep.equal([])
  })

  it('stays noted until it is recorded, and a later one stays after that', async () => {
    const scene = new Scene()
    await scene.clock.advance(60_000)
    scene.delegations.note(scene.delegated(0))
    const first = scene.delegations.get(key)
    scene.delegations.note(scene.delegated(30))
    if (first !== undefined) scene.delegations.forget(key, first)
    const second = scene.delegations.get(key)
    expect(second?.atMs).to.equal(at(30).getTime())
    if (second !== undefined) scene.delegations.forget(key, second)
    expect(scene.delegations.get(key)).to.equal(undefined)
  })
})
