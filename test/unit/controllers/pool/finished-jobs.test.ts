import { expect } from 'chai'
import { FinishedJobs } from '../../../../src/controllers/pool/finished-jobs.ts'
import { aJob, aPool, at } from '../../../objects/builders.ts'
import { FilledCaches } from '../../../objects/stores.ts'

class Kept extends FilledCaches {
  readonly delays: number[] = []
  readonly woken: string[] = []
  readonly jobs = new FinishedJobs({
    caches: this.caches,
    wake: (key, delayMs) => {
      this.woken.push(key.slice('ns/'.length))
      this.delays.push(delayMs)
    },
  })

  finish(name: string, second: number, poolName: string | undefined = 'pool') {
    const status = { phase: 'Completed', completedAt: at(second).toISOString() } as const
    return this.putJob(aJob({ metadata: { name }, status: { ...status, ...(poolName !== undefined && { poolName }) } }))
  }

  surplus(...names: string[]): string[] {
    return names.filter((name) => this.jobs.isSurplus(`ns/${name}`))
  }
}

describe('the finished jobs of a pool', () => {
  it('are kept up to its limit, and the oldest go first, in whatever order they ended up here', () => {
    const kept = new Kept()
    kept.putPool(aPool({ spec: { finishedJobsLimit: 2 } }))
    kept.jobs.follow()
    for (const [name, second] of [
      ['b', 2],
      ['d', 4],
      ['a', 1],
      ['c', 3],
    ] as const)
      kept.finish(name, second)
    expect(kept.surplus('a', 'b', 'c', 'd')).to.deep.equal(['a', 'b'])
    expect(kept.woken).to.deep.equal(['a', 'b'])
  })

  it('are all kept without a limit, and those without a pool always', () => {
    const kept = new Kept()
    kept.putPool(aPool())
    kept.putPool(aPool({ metadata: { name: 'none' }, spec: { finishedJobsLimit: 0 } }))
    kept.jobs.follow()
    kept.finish('a', 1)
    kept.putJob(aJob({ metadata: { name: 'lost' }, status: { phase: 'Failed', completedAt: at(1).toISOString() } }))
    kept.putJob(aJob({ metadata: { name: 'running' }, status: { phase: 'Running', poolName: 'none' } }))
    kept.finish('gone', 2, 'none')
    expect(kept.surplus('a', 'lost', 'running', 'gone')).to.deep.equal(['gone'])
  })

  it('are reduced when the limit is lowered, and when a term begins', () => {
    const kept = new Kept()
    const pool = kept.putPool(aPool({ spec: { finishedJobsLimit: 3 } }))
    for (const [index, name] of ['a', 'b', 'c', 'd'].entries()) kept.finish(name, index)
    kept.jobs.follow()
    expect(kept.woken).to.deep.equal(['a'])
    kept.putPool({
      ...pool,
      metadata: { ...pool.metadata, generation: 2 },
      spec: { ...pool.spec, finishedJobsLimit: 1 },
    })
    expect(kept.surplus('a', 'b', 'c', 'd')).to.deep.equal(['a', 'b', 'c'])
    expect(kept.woken).to.include.members(['a', 'b', 'c'])
  })

  it('are looked at again when their pool keeps them for a shorter time, with or without a limit', () => {
    const kept = new Kept()
    const pool = kept.putPool(aPool())
    for (const [index, name] of ['a', 'b'].entries()) kept.finish(name, index)
    kept.finish('elsewhere', 1, 'other')
    kept.jobs.follow()
    kept.putPool({
      ...pool,
      metadata: { ...pool.metadata, generation: 2 },
      spec: { ...pool.spec, finishedJobTTLSeconds: 60 },
    })
    expect(kept.woken).to.deep.equal(['a', 'b'])
  })

  it('are deleted a few hundred a second when thousands are too many, so that other work has its turn', () => {
    const kept = new Kept()
    const pool = kept.putPool(aPool())
    kept.jobs.follow()
    for (let index = 0; index < 1000; index += 1) kept.finish(`job-${index}`, index)
    kept.putPool({
      ...pool,
      metadata: { ...pool.metadata, generation: 2 },
      spec: { ...pool.spec, finishedJobsLimit: 10 },
    })
    expect(kept.woken).to.deep.equal(Array.from({ length: 990 }, (_, index) => `job-${index}`))
    const inSecond = Map.groupBy(kept.delays, (delayMs) => delayMs / 1000)
    expect([...inSecond].map(([second, jobs]) => [second, jobs.length])).to.deep.equal([
      [0, 250],
      [1, 250],
      [2, 250],
      [3, 240],
    ])
  })

  it('are as many as before once the surplus is gone', () => {
    const kept = new Kept()
    kept.putPool(aPool({ spec: { finishedJobsLimit: 1 } }))
    kept.jobs.follow()
    const oldest = kept.finish('a', 1)
    kept.finish('b', 2)
    kept.remove(oldest)
    expect(kept.surplus('a', 'b')).to.deep.equal([])
  })
})
