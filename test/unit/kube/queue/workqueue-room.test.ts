import { expect } from 'chai'
import { type Work, Workqueue } from '../../../../src/kube/queue/workqueue.ts'
import { HandClock } from '../../../observe/clock.ts'

/** Workers that take every available key and keep it until `done`. */
class Workers {
  readonly out: string[] = []
  readonly #queue: Workqueue
  readonly #stop = new AbortController()

  constructor(queue: Workqueue) {
    this.#queue = queue
  }

  async start(count: number): Promise<void> {
    for (let worker = 0; worker < count; worker += 1) {
      void this.#queue.take(this.#stop.signal).then((work) => this.#took(work))
    }
    await new Promise((resolve) => setImmediate(resolve))
  }

  async done(key: string): Promise<void> {
    this.out.splice(this.out.indexOf(key), 1)
    this.#queue.done(key)
    await this.start(1)
  }

  stop(): void {
    this.#stop.abort()
  }

  #took(work: Work | undefined): void {
    if (work !== undefined) this.out.push(work.key)
  }
}

describe('workqueue: limit of deferred work', () => {
  let queue: Workqueue
  let workers: Workers
  let clock: HandClock

  beforeEach(() => {
    clock = new HandClock()
    queue = new Workqueue({ clock, maxDeferred: 2 })
    workers = new Workers(queue)
  })
  afterEach(() => workers.stop())

  it('keeps workers for urgent keys, however many deferred ones wait', async () => {
    for (const key of ['s1', 's2', 's3', 's4']) queue.add(key, 'deferred')
    await workers.start(4)
    expect(workers.out).to.deep.equal(['s1', 's2'])
    queue.add('create')
    await workers.start(0)
    expect(workers.out).to.deep.equal(['s1', 's2', 'create'])
  })

  it('serves the next deferred key as soon as one is done', async () => {
    for (const key of ['s1', 's2', 's3']) queue.add(key, 'deferred')
    await workers.start(4)
    await workers.done('s1')
    expect(workers.out).to.deep.equal(['s2', 's3'])
  })

  it('lowers the limit while urgent keys are in progress, until the last of them is done', async () => {
    queue = new Workqueue({ clock, maxDeferred: 3, maxDeferredWhileUrgent: 1 })
    workers = new Workers(queue)
    queue.add('create')
    for (const key of ['s1', 's2', 's3', 's4']) queue.add(key, 'deferred')
    await workers.start(5)
    expect(workers.out).to.deep.equal(['create', 's1'])
    await workers.done('create')
    expect(workers.out).to.deep.equal(['s1', 's2', 's3'])
  })

  it('gives overdue keys a share of the workers beside urgent ones, and not all of them', async () => {
    for (const key of ['s1', 's2', 's3', 's4']) queue.add(key, 'deferred')
    await clock.advance(10_000)
    for (const key of ['c1', 'c2', 'c3', 'c4', 'c5']) queue.add(key)
    await workers.start(8)
    expect(workers.out).to.have.members(['s1', 's2', 'c1', 'c2', 'c3', 'c4', 'c5'])
    await workers.done('s1')
    expect(workers.out).to.include('s3').and.not.to.include('s4')
  })

  it('is that without urgent keys for overdue ones, however many urgent ones are in progress', async () => {
    queue = new Workqueue({ clock, maxDeferred: 3, maxDeferredWhileUrgent: 1 })
    workers = new Workers(queue)
    for (const key of ['s1', 's2', 's3', 's4', 's5']) queue.add(key, 'deferred')
    await clock.advance(10_000)
    for (const key of ['c1', 'c2']) queue.add(key)
    await workers.start(8)
    expect(workers.out).to.have.members(['c1', 'c2', 's1', 's2', 's3'])
  })

  it('keeps up with the deferred keys of 10,000 lives, although urgent keys are always in progress', async () => {
    queue = new Workqueue({ clock, maxDeferred: 2, maxDeferredWhileUrgent: 1, maxLate: 6 })
    let deepest = 0
    for (let life = 0; life < 10_000; life += 1) {
      for (const step of ['create', 'start', 'end']) queue.add(`${step} ${life}`)
      for (let step = 0; step < 5; step += 1) queue.add(`clean ${life} ${step}`, 'deferred')
      clock.jump(50)
      for (const key of await passOf(queue, 10)) queue.done(key)
      deepest = Math.max(deepest, queue.depth)
    }
    // Five for each life, for the minute after which they are late.
    expect(deepest).to.be.below(6500)
  })

  it('leaves workers to urgent keys when others are late', async () => {
    queue = new Workqueue({ clock, maxDeferred: 2, maxDeferredWhileUrgent: 1, maxLate: 5 })
    for (let index = 0; index < 20; index += 1) queue.add(`delete ${index}`, 'deferred')
    clock.jump(61_000)
    for (let index = 0; index < 20; index += 1) queue.add(`create ${index}`)
    const served = await passOf(queue, 8)
    expect(served.filter((key) => key.startsWith('delete'))).to.have.length(5)
    expect(served.filter((key) => key.startsWith('create'))).to.have.length(3)
  })
})

/** What so many workers take at a time. */
async function passOf(queue: Workqueue, workers: number): Promise<string[]> {
  const stop = new AbortController()
  const takes = Array.from({ length: workers }, () => queue.take(stop.signal))
  stop.abort()
  return (await Promise.all(takes)).flatMap((work) => (work === undefined ? [] : [work.key]))
}
