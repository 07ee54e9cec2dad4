import { expect } from 'chai'
import { statusAfter } from '../../../src/domain/job/status.ts'
import type { RunnerJob } from '../../../src/api/runner-job.ts'
import { aJob, aPool, aRunner, at, judged, stamp } from '../../objects/builders.ts'
import { FilledCaches } from '../../objects/stores.ts'

class Queue extends FilledCaches {
  add(name: string, second: number, spec: Partial<RunnerJob['spec']> = {}): RunnerJob {
    return this.putJob(aJob({ metadata: { name }, spec: { delegatedAt: at(second).toISOString(), ...spec } }))
  }

  /** The job gets its Runner at this second. */
  start(job: RunnerJob, second: number): void {
    const turn = { priority: 0, start: 0 }
    this.putRunner(aRunner({ job, metadata: { creationTimestamp: stamp(second) }, spec: { turn } }))
  }

  positions(...names: string[]): (number | undefined)[] {
    return names.map((name) => {
      const job = this.caches.jobs.get(`ns/${name}`)
      return job && this.caches.queuePositions.of(job)?.position
    })
  }

  waitOf(name: string, second: number): number | undefined {
    const job = this.caches.jobs.get(`ns/${name}`)
    const place = job && this.caches.queuePositions.of(job)
    return place && this.caches.queuePositions.waitSecondsAt(place, at(second))
  }
}

describe('the queue position of a job', () => {
  it('counts from 1, in the order in which the jobs of its pool will start', () => {
    const queue = new Queue()
    queue.putPool(aPool())
    queue.putPool(aPool({ metadata: { name: 'other' }, spec: { repositories: ['other/*'] } }))
    queue.add('second', 1)
    queue.add('first', 0)
    queue.add('fair', 2, { repository: 'owner/b' })
    queue.add('urgent', 3, { priority: 1 })
    queue.add('elsewhere', 4, { repository: 'other/x', poolName: 'other' })
    expect(queue.positions('urgent', 'first', 'fair', 'second', 'elsewhere')).to.deep.equal([1, 2, 3, 4, 1])
  })

  it('falls when a job before it gets its Runner, is cancelled or is deleted', () => {
    const queue = new Queue()
    queue.putPool(aPool())
    const [a, b, c] = [queue.add('a', 0), queue.add('b', 1), queue.add('c', 2)]
    queue.add('d', 3)
    queue.start(a, 4)
    expect(queue.positions('a', 'd')).to.deep.equal([undefined, 3])
    queue.putJob({ ...b, spec: { ...b.spec, cancel: true } })
    queue.remove(c)
    expect(queue.positions('d')).to.deep.equal([1])
  })

  it('is unknown while no pool fits, or after the end', () => {
    const queue = new Queue()
    const lost = queue.add('lost', 0)
    expect(queue.positions('lost')).to.deep.equal([undefined])
    const pool = queue.putPool(aPool())
    expect(queue.positions('lost'), 'a pool appears').to.deep.equal([1])
    queue.putJob({
      ...lost,
      status: statusAfter(lost, { phase: 'Failed', reason: 'JobTimeout', message: '' }, {}, at(1)),
    })
    expect(queue.positions('lost')).to.deep.equal([undefined])
    queue.add('other', 2)
    queue.remove(pool)
    expect(queue.positions('other'), 'the pool goes').to.deep.equal([undefined])
  })

  it('places each waiting job once, however many pools change before anybody asks', () => {
    const queue = new Queue()
    const job = aJob()
    let looks = 0
    Object.defineProperty(job.spec, 'labels', { enumerable: true, get: () => void (looks += 1) })
    queue.putJob(job)
    const count = 20
    for (let index = 0; index < count; index += 1) queue.putPool(aPool({ metadata: { name: `pool-${index}` } }))
    expect(queue.positions('job')).to.deep.equal([1])
    expect(looks).to.be.within(count, 2 * count)
  })

  it('follows the rules of the pool', () => {
    const queue = new Queue()
    const pool = queue.putPool(aPool())
    queue.add('a', 0)
    queue.add('release', 1, { workflow: 'Release' })
    const spec = { ...pool.spec, priorities: [{ priority: 1, workflow: 'Release' }] }
    queue.putPool(judged({ ...pool, metadata: { ...pool.metadata, generation: 2 }, spec }, 'True'))
    expect(queue.positions('release', 'a')).to.deep.equal([1, 2])
  })
})

describe('the estimated wait', () => {
  function steady(): Queue {
    const queue = new Queue()
    queue.putPool(aPool())
    for (let index = 0; index < 4; index += 1) queue.start(queue.add(`started-${index}`, 0), index * 10)
    for (const [index, name] of ['next', 'later'].entries()) queue.add(name, 40 + index)
    return queue
  }

  it('is the position times what a job of the pool took lately', () => {
    const queue = steady()
    expect([queue.waitOf('next', 40), queue.waitOf('later', 40)]).to.deep.equal([10, 20])
  })

  it('grows while no job starts', () => {
    expect(steady().waitOf('next', 80)).to.equal(20)
  })

  it('is unknown after few starts, and in a paused pool', () => {
    const queue = new Queue()
    const pool = queue.putPool(aPool())
    queue.start(queue.add('started', 0), 1)
    queue.add('next', 2)
    expect(queue.waitOf('next', 3)).to.equal(undefined)
    for (let index = 0; index < 4; index += 1) queue.start(queue.add(`started-${index}`, 0), index * 10)
    expect(queue.waitOf('next', 40)).to.be.a('number')
    queue.putPool({ ...pool, metadata: { ...pool.metadata, generation: 2 }, spec: { ...pool.spec, paused: true } })
    expect(queue.waitOf('next', 40)).to.equal(undefined)
  })
})
