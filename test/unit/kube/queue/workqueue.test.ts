import { expect } from 'chai'
import { type Work, Workqueue } from '../../../../src/kube/queue/workqueue.ts'
import { HandClock } from '../../../observe/clock.ts'

const forever = new AbortController().signal

/** The keys that the queue has ready, taken one by one, each done before the next. */
async function drain(queue: Workqueue): Promise<string[]> {
  const served: string[] = []
  while (queue.depth > 0) {
    const { key, lane } = await taken(queue)
    served.push(lane === 'urgent' ? key : `${key} (deferred)`)
    queue.done(key)
  }
  return served
}

/** Records the duration of the requested timers. */
class TimerClock extends HandClock {
  longestMs = 0

  override setTimer(callback: () => void, delayMs: number): () => void {
    this.longestMs = Math.max(this.longestMs, delayMs)
    return super.setTimer(callback, delayMs)
  }
}

async function taken(queue: Workqueue): Promise<Work> {
  const work = await queue.take(forever)
  if (work === undefined) throw new Error('the queue had no key')
  return work
}

describe('workqueue: one key at a time', () => {
  it('serves keys first come, first served, each once however often it was added', async () => {
    const queue = new Workqueue()
    for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key)
    expect(queue.depth).to.equal(3)
    expect(await drain(queue)).to.deep.equal(['a', 'b', 'c'])
  })

  it('knows which keys wait for their turn: those in progress and delayed ones do not', async () => {
    const clock = new HandClock()
    const queue = new Workqueue({ clock })
    queue.add('urgent')
    queue.add('deferred', 'deferred')
    queue.addAfter('delayed', 1000)
    const keys = ['urgent', 'deferred', 'delayed', 'other']
    expect(keys.filter((key) => queue.isReady(key))).to.deep.equal(['urgent', 'deferred'])
    await taken(queue)
    expect(keys.filter((key) => queue.isReady(key))).to.deep.equal(['deferred'])
    await clock.advance(1000)
    expect(keys.filter((key) => queue.isReady(key))).to.deep.equal(['deferred', 'delayed'])
  })

  it('does not serve a key in progress, and serves it once more if it was added meanwhile', async () => {
    const queue = new Workqueue()
    queue.add('a')
    await taken(queue)
    queue.add('a')
    queue.add('a')
    expect(queue.depth).to.equal(0)
    queue.done('a')
    expect(await drain(queue)).to.deep.equal(['a'])
  })

  it('does not serve a key in progress when its delay ends', async () => {
    const clock = new HandClock()
    const queue = new Workqueue({ clock })
    queue.addAfter('a', 10)
    queue.add('a')
    await taken(queue)
    clock.jump(10)
    expect(queue.depth).to.equal(0)
    queue.done('a')
    expect(await drain(queue)).to.deep.equal(['a'])
  })

  it('gives a waiting worker the next key that is added, and each worker another', async () => {
    const queue = new Workqueue()
    const workers = [queue.take(forever), queue.take(forever)]
    queue.add('a')
    queue.add('b')
    expect((await Promise.all(workers)).map((work) => work?.key)).to.deep.equal(['a', 'b'])
  })

  it('stops serving a worker whose signal is aborted, and loses no key', async () => {
    const queue = new Workqueue()
    const stop = new AbortController()
    const waiting = queue.take(stop.signal)
    stop.abort()
    queue.add('a')
    expect(await waiting).to.equal(undefined)
    expect(await queue.take(stop.signal)).to.equal(undefined)
    expect(await drain(queue)).to.deep.equal(['a'])
  })

  it('ignores a second `done` of a key', async () => {
    const queue = new Workqueue()
    queue.add('a')
    await taken(queue)
    queue.done('a')
    queue.done('a')
    expect(queue.depth).to.equal(0)
  })

  it('reports how long the key was queued', async () => {
    const clock = new HandClock()
    const queue = new Workqueue({ clock })
    queue.add('a')
    clock.jump(30)
    queue.add('a')
    clock.jump(40)
    expect((await taken(queue)).waitedMs).to.equal(70)
    queue.add('b', 'deferred')
    clock.jump(50)
    queue.add('b')
    expect((await taken(queue)).waitedMs).to.equal(50)
  })
})

describe('workqueue: delays and back-off', () => {
  it('adds a delayed key after its delay, and not before', async () => {
    const clock = new HandClock()
    const queue = new Workqueue({ clock })
    queue.addAfter('a', 100)
    await clock.advance(99)
    expect(queue.depth).to.equal(0)
    await clock.advance(1)
    expect(await drain(queue)).to.deep.equal(['a'])
  })

  it('wakes a waiting worker when the first of several delays ends', async () => {
    const clock = new HandClock()
    const queue = new Workqueue({ clock })
    const served: string[] = []
    void queue.take(forever).then((work) => served.push(work?.key ?? ''))
    queue.addAfter('later', 300)
    queue.addAfter('first', 100)
    queue.addAfter('second', 200)
    await clock.advance(99)
    expect(served).to.deep.equal([])
    await clock.advance(1)
    expect(served).to.deep.equal(['first'])
  })

  it('lets the earliest of several delays of a key win, and serves it once', async () => {
    const clock = new HandClock()
    const queue = new Workqueue({ clock })
    for (const delayMs of [200, 100, 300]) queue.addAfter('a', delayMs)
    await clock.advance(100)
    expect(await drain(queue)).to.deep.equal(['a'])
    await clock.advance(1000)
    expect(queue.depth).to.equal(0)
  })

  it('serves a thousand delayed keys in the order of their times', async () => {
    const clock = new HandClock()
    const queue = new Workqueue({ clock })
    const delays = Array.from({ length: 1000 }, (_, index) => ((index * 7919) % 1000) + 1)
    for (const delayMs of delays) queue.addAfter(String(delayMs), delayMs)
    clock.jump(1000)
    expect(await drain(queue)).to.deep.equal([...delays].sort((a, b) => a - b).map(String))
  })

  it('adds a key without a delay at once, and rejects a delay that is not finite', async () => {
    const queue = new Workqueue()
    queue.addAfter('a', 0)
    queue.addAfter('b', -5)
    expect(await drain(queue)).to.deep.equal(['a', 'b'])
    expect(() => queue.addAfter('c', Number.NaN)).to.throw(RangeError)
    expect(() => queue.addAfter('c', Number.POSITIVE_INFINITY)).to.throw(RangeError)
  })

  it('waits out a delay longer than the limit of Node.js timers', async () => {
    const clock = new TimerClock()
    const queue = new Workqueue({ clock })
    const served: unknown[] = []
    void queue.take(forever).then((work) => served.push(work?.key))
    const fiftyDays = 50 * 24 * 3_600_000
    queue.addAfter('a', fiftyDays)
    await clock.advance(fiftyDays - 1)
    expect(served).to.deep.equal([])
    await clock.advance(1)
    expect(served).to.deep.equal(['a'])
    expect(clock.longestMs).to.be.below(2 ** 31)
  })

  it('runs no timer unless a worker is waiting, so that a process can exit', async () => {
    const clock = new HandClock()
    const queue = new Workqueue({ clock })
    const stop = new AbortController()
    queue.addAfter('a', 1000)
    expect(clock.timers).to.equal(0)
    const waiting = queue.take(stop.signal)
    expect(clock.timers).to.equal(1)
    stop.abort()
    await waiting
    expect(clock.timers).to.equal(0)
  })

  it('doubles the back-off of a key from 5 ms up to 1000 s', async () => {
    const clock = new HandClock()
    const queue = new Workqueue({ clock, random: () => 1 })
    const delays: number[] = []
    for (let failure = 0; failure < 20; failure += 1) {
      const failedAt = clock.monotonicMs()
      queue.retry('a')
      const served = queue.take(forever).then(() => delays.push(clock.monotonicMs() - failedAt))
      await clock.advance(1_000_000)
      await served
      queue.done('a')
    }
    const doubled = Array.from({ length: 18 }, (_, failure) => 5 * 2 ** failure)
    expect(delays).to.deep.equal([...doubled, 1_000_000, 1_000_000])
    expect(queue.failures('a')).to.equal(20)
  })

  it('spreads the back-off from half of it to the whole', async () => {
    const clock = new HandClock()
    const shortest = new Workqueue({ clock, baseMs: 100, random: () => 0 })
    shortest.retry('a')
    await clock.advance(49)
    expect(shortest.depth).to.equal(0)
    await clock.advance(1)
    expect(shortest.depth).to.equal(1)
  })

  it('has a separate back-off for each key, and resets it when the key is forgotten', async () => {
    const clock = new HandClock()
    const queue = new Workqueue({ clock, baseMs: 100, random: () => 1 })
    for (let failure = 0; failure < 5; failure += 1) queue.retry('bad')
    queue.forget('bad')
    queue.retry('good')
    expect(queue.failures('bad')).to.equal(0)
    await clock.advance(100)
    expect(await drain(queue)).to.have.members(['bad', 'good'])
    queue.retry('bad')
    await clock.advance(100)
    expect(await drain(queue)).to.deep.equal(['bad'])
  })

  it('serves a key that backs off at once when it is added', async () => {
    const queue = new Workqueue({ clock: new HandClock(), baseMs: 1_000_000 })
    queue.retry('a')
    queue.add('a')
    expect(await drain(queue)).to.deep.equal(['a'])
  })
})

describe('workqueue: two lanes', () => {
  it('serves deferred keys only when no urgent one waits', async () => {
    const queue = new Workqueue()
    queue.add('status', 'deferred')
    queue.add('create')
    expect([queue.depthOf('urgent'), queue.depthOf('deferred'), queue.depth]).to.deep.equal([1, 1, 2])
    expect(await drain(queue)).to.deep.equal(['create', 'status (deferred)'])
  })

  it('makes a deferred key urgent when it is added as urgent, and never the other way round', async () => {
    const queue = new Workqueue()
    queue.add('a', 'deferred')
    queue.add('b', 'deferred')
    queue.add('b')
    queue.add('b', 'deferred')
    expect(await drain(queue)).to.deep.equal(['b', 'a (deferred)'])
  })

  it('remembers the lane of a key that was added while a worker had it', async () => {
    const queue = new Workqueue()
    for (const key of ['a', 'b', 'c']) {
      queue.add(key)
      await taken(queue)
      if (key === 'c') queue.add(key)
      queue.add(key, 'deferred')
    }
    queue.add('b')
    for (const key of ['a', 'b', 'c']) queue.done(key)
    expect(await drain(queue)).to.deep.equal(['b', 'c', 'a (deferred)'])
  })

  it('adds a delayed key to its lane; urgent if one of its delays is', async () => {
    const clock = new HandClock()
    const queue = new Workqueue({ clock })
    queue.addAfter('a', 10, 'deferred')
    queue.addAfter('b', 10, 'deferred')
    queue.addAfter('b', 20, 'urgent')
    clock.jump(10)
    expect(await drain(queue)).to.deep.equal(['b', 'a (deferred)'])
  })

  it('leaves a delayed key in the deferred lane if an urgent delay of it ends when it has had its turn', async () => {
    const clock = new HandClock()
    const queue = new Workqueue({ clock })
    queue.addAfter('a', 10_010, 'urgent')
    queue.addAfter('a', 10, 'deferred')
    queue.addAfter('b', 10_009, 'urgent')
    queue.addAfter('b', 10, 'deferred')
    clock.jump(10)
    expect(await drain(queue)).to.deep.equal(['b', 'a (deferred)'])
  })

  it('starves no deferred key: after 10 s it takes its turn among the urgent ones', async () => {
    const clock = new HandClock()
    const queue = new Workqueue({ clock })
    queue.add('status', 'deferred')
    const served: string[] = []
    for (let second = 0; second < 12; second += 1) {
      queue.add(`create-${second}`)
      const { key, lane } = await taken(queue)
      served.push(`${key} ${lane}`)
      queue.done(key)
      clock.jump(1000)
    }
    expect(served).to.deep.equal([
      ...Array.from({ length: 11 }, (_, second) => `create-${second} urgent`),
      'status deferred',
    ])
  })

  it('serves an overdue key after every eight urgent ones, however many of those wait', async () => {
    const clock = new HandClock()
    const queue = new Workqueue({ clock, maxDeferredWhileUrgent: 1 })
    for (const key of ['s1', 's2', 's3']) queue.add(key, 'deferred')
    clock.jump(10_000)
    const creates = Array.from({ length: 30 }, (_, index) => `c${index}`)
    for (const key of creates) queue.add(key)
    expect(await drain(queue)).to.deep.equal([
      ...creates.slice(0, 8),
      's1 (deferred)',
      ...creates.slice(8, 16),
      's2 (deferred)',
      ...creates.slice(16, 24),
      's3 (deferred)',
      ...creates.slice(24),
    ])
  })

  it('does not serve overdue keys before the urgent ones that came earlier', async () => {
    const clock = new HandClock()
    const queue = new Workqueue({ clock })
    queue.add('old', 'deferred')
    clock.jump(10_000)
    queue.add('create')
    expect(await drain(queue)).to.deep.equal(['create', 'old (deferred)'])
  })

  it('serves a key as deferred after 10 s although every reconcile postpones it and it is added all the time', async () => {
    const clock = new HandClock()
    const queue = new Workqueue({ clock })
    const lanes: string[] = []
    queue.add('a', 'deferred')
    for (let second = 0; second <= 10; second += 1) {
      queue.add('a')
      const { lane } = await taken(queue)
      lanes.push(lane)
      if (lane === 'urgent') queue.add('a', 'deferred')
      queue.done('a')
      clock.jump(1000)
    }
    expect(lanes).to.deep.equal([...Array.from({ length: 10 }, () => 'urgent'), 'deferred'])
  })

  it('forgets postponed work once an urgent reconcile has done it', async () => {
    const clock = new HandClock()
    const queue = new Workqueue({ clock })
    queue.add('a', 'deferred')
    queue.add('a')
    await drain(queue)
    clock.jump(10_000)
    queue.add('a')
    expect(await drain(queue)).to.deep.equal(['a'])
  })
})
