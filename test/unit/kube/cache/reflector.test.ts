import { expect } from 'chai'
import { KubeClient } from '../../../../src/kube/client/client.ts'
import { objectsPerTurn } from '../../../../src/kube/runtime/event-loop-yield.ts'
import { aConfigMap, type ConfigMap, configMaps } from '../../../objects/config-maps.ts'
import { HandClock } from '../../../observe/clock.ts'
import { eventually } from '../../../observe/eventually.ts'
import { reflect, type Reflecting, type ReflectingOptions } from '../../../observe/reflecting.ts'
import { turnsOf } from '../../../observe/turns.ts'
import { type TappedRequest, WireTap } from '../../../observe/wire-tap.ts'

/** A clock that remembers the delays between attempts. */
class DelayClock extends HandClock {
  readonly delays: number[] = []

  override sleep(delayMs: number, signal: AbortSignal): Promise<void> {
    this.delays.push(delayMs)
    return super.sleep(delayMs, signal)
  }

  /** Waits for the nth delay, from 1, and lets it pass. */
  async pass(n: number): Promise<void> {
    await eventually(() => this.delays.length === n, { what: `delay ${n}` })
    await this.advance(this.delays[n - 1] ?? 0)
  }
}

/** What ends a list of nothing. */
const listEnds = {
  type: 'BOOKMARK',
  object: { metadata: { resourceVersion: '1', annotations: { 'k8s.io/initial-events-end': 'true' } } },
}

describe('a reflector', () => {
  let tap: WireTap
  let client: KubeClient
  let clock: DelayClock
  let reflecting: Reflecting<ConfigMap>

  const begin = (options: Partial<ReflectingOptions<ConfigMap>> = {}): void => {
    reflecting = reflect({ client, clock, resource: configMaps, namespace: 'ns', ...options })
  }
  /** The nth request on the wire, from 0, when it is there. */
  const request = (n: number): Promise<TappedRequest> => eventually(() => tap.requests[n], { what: `request ${n}` })
  const fail = async (n: number): Promise<void> => (await request(n)).answer(500, {})

  beforeEach(async () => {
    tap = await WireTap.open()
    client = new KubeClient(tap.connection(), { userAgent: 'test' })
    clock = new DelayClock()
  })

  afterEach(async () => {
    await reflecting.stop()
    await client.close()
    await tap.close()
  })

  it('lets a watch last five to ten minutes, by chance', async () => {
    begin({ random: () => 0.999 })
    expect((await request(0)).url).to.include('timeoutSeconds=599&')
  })

  it('waits longer from failure to failure, and shortly again after two minutes of health', async () => {
    begin({ random: () => 0.5, idleMs: 120_000 })
    await fail(0)
    await clock.pass(1)
    await fail(1)
    await clock.pass(2)
    const healthy = await request(2)
    healthy.begin()
    await eventually(() => reflecting.reflector.lastContactMs() !== undefined, { what: 'a sign of life' })
    await clock.advance(120_000)
    await clock.pass(3)
    expect(clock.delays).to.deep.equal([1200, 2000, 1200])
  })

  it('handles at most 500 changes in one turn of the event loop, however many come together', async () => {
    const count = 5000
    begin()
    const turns = turnsOf(reflecting.store)
    const changes = Array.from({ length: count }, (_, n) => ({ type: 'ADDED', object: aConfigMap(`c${n}`, n + 2) }))
    ;(await request(0)).begin([listEnds, ...changes].map((event) => `${JSON.stringify(event)}\n`).join(''))
    const told = () => turns.reduce((sum, handled) => sum + handled, 0)
    await eventually(() => told() === count, { what: `${count} changes` })
    expect(Math.max(...turns)).to.be.at.most(objectsPerTurn)
  })

  for (const when of ['in pages', 'in pages that are forgotten on the way']) {
    it(`asks for at most 500 objects and handles no more in one turn, where lists by watch are not served: ${when}`, async () => {
      const pages = 4
      const firstTry = when === 'in pages' ? 0 : 2
      begin()
      const turns = turnsOf(reflecting.store)
      ;(await request(0)).answer(422, { kind: 'Status', code: 422, reason: 'Invalid' })
      const answerPage = async (page: number, asked: number): Promise<void> => {
        const items = Array.from({ length: objectsPerTurn }, (_, n) => aConfigMap(`c${page * objectsPerTurn + n}`, 2))
        const metadata = { resourceVersion: '3', ...(page + 1 < pages && { continue: `page-${page + 1}` }) }
        ;(await request(asked)).answer(200, { items, metadata })
      }
      for (let page = 0; page < firstTry; page += 1) await answerPage(page, 1 + page)
      if (firstTry > 0) {
        ;(await request(1 + firstTry)).answer(410, { kind: 'Status', code: 410, reason: 'Expired' })
        await clock.pass(1)
      }
      const begun = firstTry > 0 ? 2 + firstTry : 1
      for (let page = 0; page < pages; page += 1) await answerPage(page, begun + page)
      await reflecting.store.synced(AbortSignal.timeout(5000))
      await eventually(() => turns.reduce((sum, handled) => sum + handled, 0) >= pages * objectsPerTurn)
      expect(reflecting.store.size).to.equal(pages * objectsPerTurn)
      expect(Math.max(...turns)).to.be.at.most(objectsPerTurn)
      const lists = tap.requests.filter(({ url }) => !url.includes('watch=true'))
      expect(lists.filter(({ url }) => !url.includes(`limit=${objectsPerTurn}`))).to.deep.equal([])
      expect(lists).to.have.length(begun - 1 + pages)
    })
  }

  it('waits between its attempts also when log and metrics are broken', async () => {
    const broken = (): never => {
      throw new Error('broken')
    }
    const log = { debug: broken, info: broken, warn: broken, error: broken }
    begin({ log, metrics: { listed: broken, ended: broken, failed: broken } })
    await fail(0)
    await clock.pass(1)
    await fail(1)
    await clock.pass(2)
    expect(clock.delays).to.deep.equal([800, 800])
  })
})
