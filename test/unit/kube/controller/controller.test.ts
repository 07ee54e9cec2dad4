import { getEventListeners } from 'node:events'
import { expect } from 'chai'
import { apiErrorFrom, LeaseLost, RetryLater, Unreachable } from '../../../../src/kube/client/errors.ts'
import {
  Controller,
  type ControllerMetrics,
  type ControllerOptions,
  type ReconcileContext,
} from '../../../../src/kube/controller/controller.ts'
import { type Lane, Workqueue } from '../../../../src/kube/queue/workqueue.ts'
import { deferred } from '../../../../src/kube/runtime/signals.ts'
import { RecordedLog } from '../../../documents/recorded-log.ts'
import { HandClock } from '../../../observe/clock.ts'

class RecordedMetrics implements ControllerMetrics {
  readonly waits: string[] = []
  readonly passes: string[] = []
  read: (lane: Lane) => number = () => Number.NaN

  depth(_controller: string, read: (lane: Lane) => number): void {
    this.read = read
  }

  waited(controller: string, lane: Lane, seconds: number): void {
    this.waits.push(`${controller} ${lane} ${seconds}`)
  }

  passed(controller: string, outcome: string, seconds: number): void {
    this.passes.push(`${controller} ${outcome} ${seconds}`)
  }
}

/** A controller at work on a hand-moved clock, whose back-off is 10, 20, 40 ... ms. */
function startController(reconcile: ControllerOptions['reconcile'], options: Partial<ControllerOptions> = {}) {
  const clock = new HandClock()
  const queue = new Workqueue({ clock, baseMs: 10, random: () => 1 })
  const log = new RecordedLog()
  const metrics = new RecordedMetrics()
  const stop = new AbortController()
  const controller = new Controller({ name: 'c', queue, workers: 1, reconcile, log, metrics, clock, ...options })
  let hasEnded = false
  const ran = controller.run(stop.signal).then(() => {
    hasEnded = true
  })
  const levels = (): string[] => log.lines.map(({ level, message }) => `${level} ${message}`)
  return { clock, queue, log, levels, metrics, stop, controller, ran, hasEnded: () => hasEnded }
}

/** A reconcile whose passes end when the test says so. */
function heldPasses() {
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  const signals = new Map<string, AbortSignal>()
  const reconcile = async (key: string, { lane, signal }: ReconcileContext): Promise<object> => {
    begun.push(lane === 'urgent' ? key : `${key} (deferred)`)
    signals.set(key, signal)
    const held = deferred<object>()
    ends.set(key, () => held.resolve({}))
    return await held.promise
  }
  return { reconcile, begun, signals, end: (key: string) => ends.get(key)?.() }
}

/** Moves time on by single milliseconds, so that workers which yield to the event loop keep up with it. */
async function waited(clock: HandClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 1) await clock.advance(1)
}

const statusOf = (code: number, reason: string): Error => apiErrorFrom(code, { reason, message: reason })

describe('controller: workers', () => {
  it('works on as many keys at once as there are workers', async () => {
    const passes = heldPasses()
    const { clock, queue } = startController(passes.reconcile, { workers: 2 })
    for (const key of ['a', 'b', 'c']) queue.add(key)
    await clock.advance(0)
    expect(passes.begun).to.deep.equal(['a', 'b'])
    passes.end('b')
    await clock.advance(0)
    await clock.advance(0)
    expect(passes.begun).to.deep.equal(['a', 'b', 'c'])
  })

  it('never has two passes for one key, and runs it once more when it was added meanwhile', async () => {
    const passes = heldPasses()
    const { clock, queue } = startController(passes.reconcile, { workers: 2 })
    queue.add('a')
    await clock.advance(0)
    queue.add('a')
    await clock.advance(0)
    expect(passes.begun).to.deep.equal(['a'])
    passes.end('a')
    await clock.advance(0)
    await clock.advance(0)
    expect(passes.begun).to.deep.equal(['a', 'a'])
  })

  it('gives sockets and timers their turn at least every 10 ms while passes need no I/O', async () => {
    let passes = 0
    const { clock, queue, stop } = startController(async (key) => {
      passes += 1
      clock.jump(1)
      queue.add(key)
      return {}
    })
    queue.add('a')
    await new Promise((resolve) => setImmediate(resolve))
    stop.abort()
    expect(passes).to.be.within(10, 20)
  })
})

describe('controller: what becomes of a key', () => {
  it('comes back when a pass asks for it, and leaves the key alone otherwise', async () => {
    const passes: number[] = []
    const { clock, queue } = startController(async () => {
      passes.push(clock.monotonicMs())
      return passes.length === 1 ? { requeueAfterMs: 300 } : {}
    })
    queue.add('a')
    await waited(clock, 5000)
    expect(passes).to.deep.equal([0, 300])
  })

  it('puts off what can wait until the urgent keys are served', async () => {
    const passes: string[] = []
    const { clock, queue } = startController(async (key, { lane }) => {
      passes.push(`${key} ${lane}`)
      return { deferred: key === 'status' && lane === 'urgent' }
    })
    for (const key of ['status', 'create-1', 'create-2']) queue.add(key)
    for (let turn = 0; turn < 5; turn += 1) await clock.advance(0)
    expect(passes).to.deep.equal(['status urgent', 'create-1 urgent', 'create-2 urgent', 'status deferred'])
  })

  it('backs off a key whose deferred pass puts its work off again', async () => {
    const passes: number[] = []
    const { clock, queue } = startController(async () => {
      passes.push(clock.monotonicMs())
      return { deferred: true }
    })
    queue.add('a', 'deferred')
    await waited(clock, 10 + 20 + 40)
    expect(passes).to.deep.equal([0, 10, 30, 70])
  })

  const again = (...times: number[]): number[] => times
  const cases: [behaviour: string, error: unknown, outcome: string, passes: number[], logged: string[]][] = [
    ['backs off after a conflict without a word', statusOf(409, 'Conflict'), 'conflict', again(0, 10, 30), []],
    ['comes back when RetryLater says', new RetryLater(400, 'quota'), 'requeue_after', again(0, 400, 800), []],
    [
      'comes back when the server says',
      apiErrorFrom(429, {}, { 'retry-after': '2' }),
      'requeue_after',
      again(0, 2000, 4000),
      [],
    ],
    [
      'lets a namespace that is being deleted alone for a minute, without a word',
      apiErrorFrom(403, { details: { causes: [{ reason: 'NamespaceTerminating' }] } }),
      'requeue_after',
      again(0, 60_000, 120_000),
      [],
    ],
    [
      'backs off and warns when nothing answers',
      new Unreachable('reset'),
      'error',
      again(0, 10, 30),
      ['warn reconcile failed'],
    ],
    [
      'backs off and warns after a refusal',
      statusOf(403, 'Forbidden'),
      'error',
      again(0, 10, 30),
      ['warn reconcile failed'],
    ],
    [
      'does not take AlreadyExists for a conflict',
      statusOf(409, 'AlreadyExists'),
      'error',
      again(0, 10, 30),
      ['warn reconcile failed'],
    ],
    [
      'backs off after RetryLater without a time',
      new RetryLater(0, 'now'),
      'error',
      again(0, 10, 30),
      ['warn reconcile failed'],
    ],
    [
      'backs off after RetryLater at no time',
      new RetryLater(Number.NaN, ''),
      'error',
      again(0, 10, 30),
      ['warn reconcile failed'],
    ],
    ['backs off after a throw of nothing', undefined, 'error', again(0, 10, 30), ['warn reconcile failed']],
    ['backs off after a throw of text', 'text', 'error', again(0, 10, 30), ['warn reconcile failed']],
  ]
  for (const [behaviour, error, outcome, expected, logged] of cases) {
    it(behaviour, async () => {
      const passes: number[] = []
      const { clock, queue, metrics, log, levels, stop, ran } = startController(async () => {
        passes.push(clock.monotonicMs())
        throw error
      })
      queue.add('a')
      await waited(clock, expected.at(-1) ?? 0)
      stop.abort()
      await ran
      expect(passes).to.deep.equal(expected)
      expect(metrics.passes[0]).to.equal(`c ${outcome} 0`)
      expect(levels().filter((line) => !line.startsWith('debug'))).to.deep.equal(expected.flatMap(() => logged))
      for (const line of log.lines) expect(line).to.include({ controller: 'c', key: 'a' })
    })
  }

  it('survives a reconcile that throws before its first await, or returns nonsense', async () => {
    const broken: (() => Promise<object>)[] = [
      () => {
        throw new Error('thrown, not rejected')
      },
      async () => ({ requeueAfterMs: Number.NaN }),
      async () => ({ requeueAfterMs: Number.POSITIVE_INFINITY }),
      async () => {
        for (const hole of Array.from<object>({ length: 1 })) return hole
        return {}
      },
    ]
    let passes = 0
    const { clock, queue, metrics } = startController(() => broken[passes++]?.() ?? Promise.resolve({}))
    queue.add('a')
    await waited(clock, 1000)
    const outcomes = metrics.passes.map((pass) => pass.split(' ')[1])
    expect(outcomes).to.deep.equal(['error', 'error', 'error', 'error', 'success'])
  })

  it('begins the back-off anew after a success', async () => {
    const passes: number[] = []
    const { clock, queue } = startController(async () => {
      passes.push(clock.monotonicMs())
      if (passes.length !== 3) throw new Error('no')
      return { requeueAfterMs: 1000 }
    })
    queue.add('a')
    await waited(clock, 1045)
    expect(passes).to.deep.equal([0, 10, 30, 1030, 1040])
  })

  it('tries a failed pass again in its own lane', async () => {
    const lanes: string[] = []
    const { clock, queue } = startController(async (_, { lane }) => {
      lanes.push(lane)
      throw statusOf(409, 'Conflict')
    })
    queue.add('a', 'deferred')
    await waited(clock, 10)
    expect(lanes).to.deep.equal(['deferred', 'deferred'])
  })

  it('lets other keys progress while one fails all the time', async () => {
    const served: string[] = []
    const { clock, queue } = startController(async (key) => {
      served.push(key)
      if (key === 'bad') throw new Error('no')
      return {}
    })
    for (const key of ['bad', 'good-1', 'good-2']) queue.add(key)
    await waited(clock, 10)
    expect(served).to.deep.equal(['bad', 'good-1', 'good-2', 'bad'])
  })
})

describe('controller: deadlines', () => {
  it('aborts a pass that takes too long, and tries its key again', async () => {
    const begun: number[] = []
    const run = startController(async (_, { signal }) => {
      begun.push(run.clock.monotonicMs())
      return await new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
      })
    })
    run.queue.add('a')
    await run.clock.advance(60_010)
    expect(begun).to.deep.equal([0, 60_010])
    expect(run.levels()).to.deep.equal(['warn reconcile failed'])
    expect(run.metrics.passes).to.deep.equal(['c error 60'])
  })

  it('takes the worker off a pass that ignores its end, and keeps the key locked until the pass settles', async () => {
    const passes = heldPasses()
    const run = startController(passes.reconcile, { passTimeoutMs: 1000, graceMs: 100 })
    run.queue.add('stuck')
    await run.clock.advance(0)
    run.queue.add('stuck')
    run.queue.add('other')
    await run.clock.advance(1099)
    expect(passes.begun).to.deep.equal(['stuck'])
    await run.clock.advance(1)
    expect(passes.begun).to.deep.equal(['stuck', 'other'])
    expect(run.levels()).to.deep.equal([
      'warn reconcile failed',
      'error reconcile ignored its abort; its key stays locked',
    ])
    passes.end('other')
    await run.clock.advance(10_000)
    expect(passes.begun).to.deep.equal(['stuck', 'other'])
    passes.end('stuck')
    await run.clock.advance(0)
    expect(passes.begun).to.deep.equal(['stuck', 'other', 'stuck'])
    expect(run.metrics.passes.map((pass) => pass.split(' ')[1])).to.deep.equal(['error', 'success'])
  })

  it('leaves no timer and no listener behind', async () => {
    const signals: AbortSignal[] = []
    const { clock, queue, stop, ran } = startController(async (_, { signal }) => {
      signals.push(signal)
      return {}
    })
    for (let key = 0; key < 20; key += 1) queue.add(String(key))
    await clock.advance(0)
    expect(signals).to.have.length(20)
    expect(clock.timers).to.equal(0)
    stop.abort()
    await ran
    expect(signals.filter((signal) => signal.aborted)).to.deep.equal([]) // nobody listens for them any more
    expect(getEventListeners(stop.signal, 'abort')).to.have.length(0)
  })
})

describe('controller: stopping', () => {
  it('aborts the passes, ends when they have ended, begins none, and keeps what was not done', async () => {
    const passes = heldPasses()
    const run = startController(passes.reconcile)
    run.queue.add('a')
    run.queue.add('b')
    await run.clock.advance(0)
    run.stop.abort()
    await run.clock.advance(0)
    expect(passes.signals.get('a')?.aborted).to.equal(true)
    expect(run.hasEnded()).to.equal(false)
    passes.end('a')
    await run.ran
    expect(passes.begun).to.deep.equal(['a'])
    expect(run.queue.depth).to.equal(1)
  })

  it('is quiet about passes that it interrupts, and their keys wait for the next run', async () => {
    const begun: string[] = []
    const run = startController(async (key, { signal }) => {
      begun.push(key)
      return await new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('cut off')))
      })
    })
    run.queue.add('a')
    await run.clock.advance(0)
    run.stop.abort()
    await run.ran
    expect(run.levels()).to.deep.equal(['debug reconcile ended early'])
    expect(run.metrics.passes).to.deep.equal([])
    const second = new AbortController()
    const ranAgain = run.controller.run(second.signal)
    await run.clock.advance(0)
    expect(begun).to.deep.equal(['a', 'a'])
    second.abort()
    await ranAgain
  })

  it('does not wait longer than the grace for a pass that ignores its end', async () => {
    const run = startController(heldPasses().reconcile, { graceMs: 100 })
    run.queue.add('a')
    await run.clock.advance(0)
    run.stop.abort()
    await run.clock.advance(99)
    expect(run.hasEnded()).to.equal(false)
    await run.clock.advance(1)
    await run.ran
    expect(run.queue.depth).to.equal(0)
  })

  it('begins no pass for a key that is handed out in the moment of the stop', async () => {
    const passes = heldPasses()
    const run = startController(passes.reconcile)
    run.queue.add('a')
    run.stop.abort()
    await run.ran
    expect(passes.begun).to.deep.equal([])
    expect(run.queue.depth).to.equal(1)
  })

  it('ends all its work when a pass meets a lost Lease, without a word', async () => {
    const other = deferred<string>()
    const run = startController(
      async (key, { signal }) => {
        if (key === 'writes') throw new LeaseLost('the deadline has passed')
        return await new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            other.resolve('aborted')
            reject(signal.reason)
          })
        })
      },
      { workers: 2 },
    )
    run.queue.add('reads')
    run.queue.add('writes')
    await run.ran
    expect(await other.promise).to.equal('aborted')
    expect(run.stop.signal.aborted).to.equal(false)
    expect(run.queue.depth).to.equal(2)
    expect(run.levels().filter((line) => !line.startsWith('debug'))).to.deep.equal([])
  })
})

describe('controller: what it tells', () => {
  it('counts the passes by outcome and the seconds that they took and keys waited', async () => {
    const run = startController(async () => {
      await run.clock.sleep(1500, new AbortController().signal)
      return {}
    })
    run.queue.add('a')
    run.queue.add('b', 'deferred')
    await run.clock.advance(0)
    expect([run.metrics.read('urgent'), run.metrics.read('deferred')]).to.deep.equal([0, 1])
    await waited(run.clock, 3000)
    expect(run.metrics.passes).to.deep.equal(['c success 1.5', 'c success 1.5'])
    expect(run.metrics.waits).to.deep.equal(['c urgent 0', 'c deferred 1.5'])
  })

  it('goes on when the log and the metrics are broken', async () => {
    const broken = (): never => {
      throw new Error('broken')
    }
    const served: string[] = []
    const { clock, queue } = startController(
      async (key) => {
        served.push(key)
        throw new Error('no')
      },
      {
        log: { debug: broken, info: broken, warn: broken, error: broken },
        metrics: { depth: broken, waited: broken, passed: broken },
      },
    )
    queue.add('a')
    await clock.advance(10)
    expect(served).to.deep.equal(['a', 'a'])
  })
})
