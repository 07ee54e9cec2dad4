import { expect } from 'chai'
import { PodCreates, type Tried } from '../../../../src/controllers/runner/pod-creates.ts'
import type { Refusal } from '../../../../src/controllers/runner/pod-refusal.ts'
import { HandClock } from '../../../observe/clock.ts'

const created: Tried = { is: 'created' }

function refused(name: string, reason: Refusal['reason'] = 'PodCreateFailed', phase: Refusal['phase'] = 'Starting') {
  return { is: 'refused', refusal: { phase, reason, message: `pods "${name}" is forbidden: no` } } as const
}

class Scene {
  readonly clock = new HandClock()
  readonly woken: string[] = []
  readonly creates = new PodCreates({ clock: this.clock, mostPerPool: 4, wake: (key) => this.woken.push(key) })

  /** The Runners among these that may make their first try. */
  enter(pool: string, ...names: string[]): string[] {
    return names.filter((name) => this.creates.enter(`ns/${pool}`, `ns/${name}`, { isFirst: true, pool: 'ready' }).may)
  }

  leave(pool: string, name: string, tried: Tried): number {
    return this.creates.leave(`ns/${pool}`, `ns/${name}`, tried)
  }
}

describe('Runners that want their pods created', () => {
  it('try as many at a time as a pool allows, and wake the next one', () => {
    const scene = new Scene()
    expect(scene.enter('a', 'a1', 'a2', 'a3', 'a4', 'a5', 'a6')).to.deep.equal(['a1', 'a2', 'a3', 'a4'])
    scene.leave('a', 'a2', created)
    expect(scene.woken).to.deep.equal(['ns/a5'])
    expect(scene.enter('a', 'a5', 'a6')).to.deep.equal(['a5'])
  })

  it('are woken once for each free try, however long they take to come', () => {
    const scene = new Scene()
    scene.enter('a', 'a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7', 'a8')
    scene.leave('a', 'a1', created)
    scene.leave('a', 'a2', created)
    expect(scene.woken).to.deep.equal(['ns/a5', 'ns/a6'])
    scene.creates.forget('ns/a5')
    expect(scene.enter('a', 'a6')).to.deep.equal(['a6'])
    scene.leave('a', 'a3', created)
    expect(scene.woken.slice(2), 'the try of the one that needs none is free too').to.deep.equal(['ns/a7', 'ns/a8'])
  })

  it('are not delayed by those of another pool, whose creates hang', () => {
    const scene = new Scene()
    scene.enter('hanging', 'h1', 'h2', 'h3', 'h4', 'h5')
    expect(scene.enter('healthy', 'b1', 'b2')).to.deep.equal(['b1', 'b2'])
  })

  it('share the refusal of one of them, each with its own name in it, without a try of each', async () => {
    const scene = new Scene()
    scene.enter('a', 'a1', 'a2')
    const requeueAfterMs = scene.leave('a', 'a1', refused('a1'))
    expect(requeueAfterMs).to.equal(5000)
    const answer = { phase: 'Starting', reason: 'PodCreateFailed', message: 'pods "a3" is forbidden: no' }
    const leave = scene.creates.enter('ns/a', 'ns/a3', { isFirst: true, pool: 'ready' })
    expect(leave).to.deep.equal({ may: false, refusal: answer, afterMs: 1000 })
    scene.leave('a', 'a2', refused('a2'))
    await scene.clock.advance(5000)
    const tries = ['a1', 'a2', 'a3'].map(
      (name) => scene.creates.enter('ns/a', `ns/${name}`, { isFirst: false, pool: 'ready' }).may,
    )
    expect(tries, 'one at a time').to.deep.equal([true, false, false])
  })

  it('try sooner on their first try, since the cause may be fixed', async () => {
    const scene = new Scene()
    scene.enter('a', 'old')
    scene.leave('a', 'old', refused('old'))
    await scene.clock.advance(1000)
    expect(scene.creates.enter('ns/a', 'ns/old', { isFirst: false, pool: 'ready' })).to.include({
      may: false,
      afterMs: 4000,
    })
    expect(scene.enter('a', 'new')).to.deep.equal(['new'])
  })

  for (const [took, pace] of [
    [0, 5000],
    [10_000, 20_000],
    [45_000, 60_000],
  ] as const) {
    it(`retry after ${pace / 1000} s if the refusal took ${took / 1000} s`, async () => {
      const scene = new Scene()
      scene.enter('a', 'a1')
      await scene.clock.advance(took)
      expect(scene.leave('a', 'a1', refused('a1'))).to.equal(pace)
    })
  }

  it('try at once when their pool has been changed since the refusal', () => {
    const scene = new Scene()
    scene.enter('a', 'a1')
    scene.leave('a', 'a1', refused('a1'))
    const tries = ['ready', 'ready 2'].map((pool) => scene.creates.enter('ns/a', 'ns/a1', { isFirst: false, pool }).may)
    expect(tries).to.deep.equal([false, true])
  })

  it('are woken when one of them succeeds, twice as many each time', async () => {
    const scene = new Scene()
    const names = ['a2', 'a3', 'a4', 'a5', 'a6', 'a7', 'a8']
    scene.enter('a', 'a1')
    scene.leave('a', 'a1', refused('a1', 'QuotaExceeded'))
    scene.enter('a', ...names)
    await scene.clock.advance(5000)
    expect(scene.enter('a', 'a1')).to.deep.equal(['a1'])
    scene.leave('a', 'a1', created)
    expect(scene.woken).to.deep.equal(['ns/a2', 'ns/a3'])
    expect(scene.enter('a', ...names)).to.deep.equal(['a2', 'a3'])
    scene.leave('a', 'a2', created)
    expect(scene.enter('a', 'a4', 'a5', 'a6', 'a7')).to.deep.equal(['a4', 'a5', 'a6'])
    scene.leave('a', 'a3', refused('a3', 'QuotaExceeded'))
    expect(scene.enter('a', 'a8')).to.deep.equal([])
  })

  it('do not keep others from being woken when they are gone', () => {
    const scene = new Scene()
    scene.enter('a', 'a1', 'a2', 'a3', 'a4', 'gone', 'a5')
    scene.creates.forget('ns/gone')
    scene.leave('a', 'a1', created)
    expect(scene.woken).to.deep.equal(['ns/a5'])
  })

  it('do not affect others if one is refused for good, or got no response', () => {
    const scene = new Scene()
    scene.enter('a', 'a1', 'a2')
    scene.leave('a', 'a1', refused('a1', 'AdmissionDenied', 'Stopping'))
    scene.leave('a', 'a2', { is: 'failed' })
    expect(scene.enter('a', 'a3', 'a4', 'a5', 'a6')).to.deep.equal(['a3', 'a4', 'a5', 'a6'])
  })
})
