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
  readonly reconciles: string[] = []
  read: (lane: Lane) => number = () => Number.NaN

  depth(_controller: string, read: (lane: Lane) => number): void {
    this.read = read
  }

  waited(controller: string, lane: Lane, seconds: number): void {
    this.waits.push(`${controller} ${lane} ${seconds}`)
  }

  passed(controller: string, outcome: string, seconds: number): void {
    this.reconciles.push(`${controller} ${outcome} ${seconds}`)
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

/** A reconcile function whose calls end when the test ends them. */
function heldReconciles() {
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

/** Advances time by single milliseconds, so that workers that yield to the event loop keep up. */
async function waited(clock: HandClock, ms: number): Promise<void> {
  for (let elapsed = 0; elapsed < ms; elapsed += 1) await clock.advance(1)
}

const statusOf = (code: number, reason: string): Error => apiErrorFrom(code, { reason, message: reason })

describe('controller: workers', () => {
  it('works on as many keys at once as there are workers', async () => {
    const calls = heldReconciles()
    const { clock, queue } = startController(calls.reconcile, { workers: 2 })
    for (const key of ['a', 'b', 'c']) queue.add(key)
    await clock.advance(0)
    expect(calls.begun).to.deep.equal(['a', 'b'])
    calls.end('b')
    await clock.advance(0)
    await clock.advance(0)
    expect(calls.begun).to.deep.equal(['a', 'b', 'c'])
  })

  it('never runs two reconciles of one key, and reconciles it once more when it was added meanwhile', async () => {
    const calls = heldReconciles()
    const { clock, queue } = startController(calls.reconcile, { workers: 2 })
    queue.add('a')
    await clock.advance(0)
    queue.add('a')
    await clock.advance(0)
    expect(calls.begun).to.deep.equal(['a'])
    calls.end('a')
    await clock.advance(0)
    await clock.advance(0)
    expect(calls.begun).to.deep.equal(['a', 'a'])
  })

  it('yields to the event loop at least every 10 ms while reconciles need no I/O', async () => {
    let calls = 0
    const { clock, queue, stop } = startController(async (key) => {
      calls += 1
      clock.jump(1)
      queue.add(key)
      return {}
    })
    queue.add('a')
    await new Promise((resolve) => setImmediate(resolve))
    stop.abort()
    expect(calls).to.be.within(10, 20)
  })
})

describe('controller: outcomes', () => {
  it('requeues a key when its reconcile requests it, and only then', async () => {
    const calls: number[] = []
    const { clock, queue } = startController(async () => {
      calls.push(clock.monotonicMs())
      return calls.length === 1 ? { requeueAfterMs: 300 } : {}
    })
    queue.add('a')
    await waited(clock, 5000)
    expect(calls).to.deep.equal([0, 300])
  })

  it('postpones deferred work until the urgent keys are served', async () => {
    const calls: string[] = []
    const { clock, queue } = startController(async (key, { lane }) => {
      calls.push(`${key} ${lane}`)
      return { deferred: key === 'status' && lane === 'urgent' }
    })
    for (const key of ['status', 'create-1', 'create-2']) queue.add(key)
    for (let turn = 0; turn < 5; turn += 1) await clock.advance(0)
    expect(calls).to.deep.equal(['status urgent', 'create-1 urgent', 'create-2 urgent', 'status deferred'])
  })

  it('reconciles a key in the deferred lane after a time, without a back-off', async () => {
    const calls: string[] = []
    const { clock, queue } = startController(async (_, { lane }) => {
      calls.push(`${lane} ${clock.monotonicMs()}`)
      return calls.length < 3 ? { deferred: true, requeueAfterMs: 1000 } : {}
    })
    queue.add('a')
    for (let second = 0; second < 3; second += 1) await clock.advance(1000)
    expect(calls).to.deep.equal(['urgent 0', 'deferred 1000', 'deferred 2000'])
  })

  it('backs off a key whose deferred reconcile postpones its work again', async () => {
    const calls: number[] = []
    const { clock, queue } = startController(async () => {
      calls.push(clock.monotonicMs())
      return { deferred: true }
    })
    queue.add('a', 'deferred')
    await waited(clock, 10 + 20 + 40)
    expect(calls).to.deep.equal([0, 10, 30, 70])
  })

  const again = (...times: number[]): number[] => times
  const cases: [behaviour: string, error: unknown, outcome: string, calls: number[], logged: string[]][] = [
    ['backs off after a conflict without a log line', statusOf(409, 'Conflict'), 'conflict', again(0, 10, 30), []],
    ['requeues after the delay of RetryLater', new RetryLater(400, 'quota'), 'requeue_after', again(0, 400, 800), []],
    [
      'requeues after the delay of the server',
      apiErrorFrom(429, {}, { 'retry-after': '2' }),
      'requeue_after',
      again(0, 2000, 4000),
      [],
    ],
    [
      'requeues after a minute in a terminating namespace, without a log line',
      apiErrorFrom(403, { details: { causes: [{ reason: 'NamespaceTerminating' }] } }),
      'requeue_after',
      again(0, 60_000, 120_000),
      [],
    ],
    [
      'backs off and warns when the server is unreachable',
      new Unreachable('reset'),
      'error',
      again(0, 10, 30),
      ['warn reconcile failed'],
    ],
    [
      'backs off and warns after a 403',
      statusOf(403, 'Forbidden'),
      'error',
      again(0, 10, 30),
      ['warn reconcile failed'],
    ],
    [
      'does not treat AlreadyExists as a conflict',
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
      const calls: number[] = []
      const { clock, queue, metrics, log, levels, stop, ran } = startController(async () => {
        calls.push(clock.monotonicMs())
        throw error
      })
      queue.add('a')
      await waited(clock, expected.at(-1) ?? 0)
      stop.abort()
      await ran
      expect(calls).to.deep.equal(expected)
      expect(metrics.reconciles[0]).to.equal(`c ${outcome} 0`)
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
    let calls = 0
    const { clock, queue, metrics } = startController(() => broken[calls++]?.() ?? Promise.resolve({}))
    queue.add('a')
    await waited(clock, 1000)
    const outcomes = metrics.reconciles.map((line) => line.split(' ')[1])
    expect(outcomes).to.deep.equal(['error', 'error', 'error', 'error', 'success'])
  })

  it('resets the back-off after a success', async () => {
    const calls: number[] = []
    const { clock, queue } = startController(async () => {
      calls.push(clock.monotonicMs())
      if (calls.length !== 3) throw new Error('no')
      return { requeueAfterMs: 1000 }
    })
    queue.add('a')
    await waited(clock, 1045)
    expect(calls).to.deep.equal([0, 10, 30, 1030, 1040])
  })

  it('retries a failed key in its lane', async () => {
    const lanes: string[] = []
    const { clock, queue } = startController(async (_, { lane }) => {
      lanes.push(lane)
      throw statusOf(409, 'Conflict')
    })
    queue.add('a', 'deferred')
    await waited(clock, 10)
    expect(lanes).to.deep.equal(['deferred', 'deferred'])
  })

  it('reconciles other keys while one keeps failing', async () => {
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
  it('aborts a reconcile that takes too long, and retries its key', async () => {
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
    expect(run.metrics.reconciles).to.deep.equal(['c error 60'])
  })

  it('frees the worker of a reconcile that ignores its abort, and keeps the key locked until it settles', async () => {
    const calls = heldReconciles()
    const run = startController(calls.reconcile, { passTimeoutMs: 1000, graceMs: 100 })
    run.queue.add('stuck')
    await run.clock.advance(0)
    run.queue.add('stuck')
    run.queue.add('other')
    await run.clock.advance(1099)
    expect(calls.begun).to.deep.equal(['stuck'])
    await run.clock.advance(1)
    expect(calls.begun).to.deep.equal(['stuck', 'other'])
    expect(run.levels()).to.deep.equal([
      'warn reconcile failed',
      'error reconcile ignored its abort; its key stays locked',
    ])
    calls.end('other')
    await run.clock.advance(10_000)
    expect(calls.begun).to.deep.equal(['stuck', 'other'])
    calls.end('stuck')
    await run.clock.advance(0)
    expect(calls.begun).to.deep.equal(['stuck', 'other', 'stuck'])
    expect(run.metrics.reconciles.map((line) => line.split(' ')[1])).to.deep.equal(['error', 'success'])
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
  it('aborts the reconciles, ends after them, starts none, and keeps their keys queued', async () => {
    const calls = heldReconciles()
    const run = startController(calls.reconcile)
    run.queue.add('a')
    run.queue.add('b')
    await run.clock.advance(0)
    run.stop.abort()
    await run.clock.advance(0)
    expect(calls.signals.get('a')?.aborted).to.equal(true)
    expect(run.hasEnded()).to.equal(false)
    calls.end('a')
    await run.ran
    expect(calls.begun).to.deep.equal(['a'])
    expect(run.queue.depth).to.equal(1)
  })

  it('does not warn about interrupted reconciles, and keeps their keys for the next run', async () => {
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
    expect(run.metrics.reconciles).to.deep.equal([])
    const second = new AbortController()
    const ranAgain = run.controller.run(second.signal)
    await run.clock.advance(0)
    expect(begun).to.deep.equal(['a', 'a'])
    second.abort()
    await ranAgain
  })

  it('does not wait longer than the grace period for a reconcile that ignores its abort', async () => {
    const run = startController(heldReconciles().reconcile, { graceMs: 100 })
    run.queue.add('a')
    await run.clock.advance(0)
    run.stop.abort()
    await run.clock.advance(99)
    expect(run.hasEnded()).to.equal(false)
    await run.clock.advance(1)
    await run.ran
    expect(run.queue.depth).to.equal(0)
  })

  it('starts no reconcile for a key taken at the moment of the stop', async () => {
    const calls = heldReconciles()
    const run = startController(calls.reconcile)
    run.queue.add('a')
    run.stop.abort()
    await run.ran
    expect(calls.begun).to.deep.equal([])
    expect(run.queue.depth).to.equal(1)
  })

  it('stops when a reconcile fails with LeaseLost, without a log line', async () => {
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

describe('controller: metrics and log', () => {
  it('counts reconciles by outcome, and observes their duration and the wait of keys', async () => {
    const run = startController(async () => {
      await run.clock.sleep(1500, new AbortController().signal)
      return {}
    })
    run.queue.add('a')
    run.queue.add('b', 'deferred')
    await run.clock.advance(0)
    expect([run.metrics.read('urgent'), run.metrics.read('deferred')]).to.deep.equal([0, 1])
    await waited(run.clock, 3000)
    expect(run.metrics.reconciles).to.deep.equal(['c success 1.5', 'c success 1.5'])
    expect(run.metrics.waits).to.deep.equal(['c urgent 0', 'c deferred 1.5'])
  })

  it('continues when log and metrics throw', async () => {
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
