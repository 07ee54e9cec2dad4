import { expect } from 'chai'
import { PoolQueues } from '../../../src/cluster/pool-queues.ts'
import { aJob, aPool, aRunner, stamp } from '../../objects/builders.ts'
import { FilledCaches } from '../../objects/stores.ts'

const turn = { priority: 0, start: 7 }

function scene() {
  const filled = new FilledCaches()
  const pool = filled.putPool(aPool())
  return { filled, pool, queues: new PoolQueues(filled.caches, () => false) }
}

describe('the queues of the pools', () => {
  it('forget that of a deleted pool once no job is left in it', () => {
    const { filled, pool, queues } = scene()
    const job = filled.putJob(aJob({ metadata: { name: 'waiting' } }))
    queues.review('ns/waiting')
    const before = queues.of('ns/pool')
    expect(before.size).to.equal(1)
    filled.remove(pool)
    queues.poolsChanged()
    expect(queues.has('ns/pool'), 'with a job').to.equal(true)
    filled.remove(job)
    queues.review('ns/waiting')
    expect(queues.has('ns/pool'), 'without one').to.equal(false)
  })

  it('forget that of a deleted pool once no turn is left in it', () => {
    const { filled, pool, queues } = scene()
    const job = filled.putJob(aJob())
    filled.putRunner(aRunner({ job, spec: { turn } }))
    queues.review('ns/job')
    filled.remove(pool)
    queues.poolsChanged()
    expect(queues.has('ns/pool'), 'with a turn').to.equal(true)
    filled.remove(job)
    queues.review('ns/job')
    expect(queues.has('ns/pool'), 'without one').to.equal(false)
  })

  it('keep none of a pool that nobody knows, however often they are asked', () => {
    const { queues } = scene()
    expect(queues.of('ns/typo').size).to.equal(0)
    expect(queues.has('ns/typo')).to.equal(false)
  })

  it('count the turn of a lost attempt while its job waits for the next one', () => {
    const { filled, queues } = scene()
    const attempt = { number: 1, poolName: 'pool', reason: 'Evicted', message: '', endedAt: stamp(20) }
    filled.putJob(aJob({ status: { turn, attempts: [attempt] } }))
    queues.review('ns/job')
    expect([...queues.of('ns/pool').turns()]).to.deep.equal([['ns/job', { ...turn, repository: 'owner/repo' }]])
  })
})
