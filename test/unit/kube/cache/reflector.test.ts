import { expect } from 'chai'
import { KubeClient } from '../../../../src/kube/client/client.ts'
import { History, WentBack } from '../../../../src/kube/cache/history.ts'
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

/** The bookmark that ends an empty list. */
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

  it('lets a watch last five to ten minutes, at random', async () => {
    begin({ random: () => 0.999 })
    expect((await request(0)).url).to.include('timeoutSeconds=599&')
  })

  it('doubles its back-off with each failure, and resets it after two minutes of health', async () => {
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
    const handledCount = () => turns.reduce((sum, handled) => sum + handled, 0)
    await eventually(() => handledCount() === count, { what: `${count} changes` })
    expect(Math.max(...turns)).to.be.at.most(objectsPerTurn)
  })

  for (const when of ['in pages', 'in pages that are forgotten on the way']) {
    it(`lists pages of at most 500 objects, one page per turn of the event loop, without WatchList: ${when}`, async () => {
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

  it('waits between its attempts even when log and metrics throw', async () => {
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

  /** A WatchList response at this version. */
  const listed = (version: number, ...objects: ConfigMap[]): string => {
    const annotations = { 'k8s.io/initial-events-end': 'true' }
    const end = { type: 'BOOKMARK', object: { metadata: { resourceVersion: String(version), annotations } } }
    const events = [...objects.map((object) => ({ type: 'ADDED', object })), end]
    return events.map((event) => `${JSON.stringify(event)}\n`).join('')
  }
  const has = (...wanted: string[]) =>
    eventually(
      () => {
        const held = [...reflecting.store.list()].map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`)
        return held.toSorted().join() === wanted.join()
      },
      { what: `the store to hold ${wanted.join()}` },
    )

  describe('whose cluster was restored from a snapshot', () => {
    const page = (version: number, ...items: ConfigMap[]) => ({
      kind: 'ConfigMapList',
      apiVersion: 'v1',
      metadata: { resourceVersion: String(version) },
      items,
    })
    /**
     * The store is at version 5000. Then its watch is idle, since the restored server has no such version, and it lists
     * again.
     */
    const goBack = async (): Promise<TappedRequest> => {
      begin({ random: () => 0 })
      ;(await request(0)).begin(
        listed(5000, aConfigMap('kept', 900), aConfigMap('lost', 4000), aConfigMap('new', 4900)),
      )
      await has('kept@900', 'lost@4000', 'new@4900')
      await clock.advance(90_000)
      await clock.pass(1)
      return request(1)
    }

    it('lists twice, then takes over the second list and watches from it', async () => {
      const list = await goBack()
      expect(list.url).to.include('sendInitialEvents=true')
      list.begin(listed(1000, aConfigMap('kept', 900), aConfigMap('new', 950)))
      const pages = await request(2)
      expect([...reflecting.store.list()], 'before the second list').to.have.length(3)
      expect(pages.url).to.include('limit=500').and.not.include('watch=true')
      pages.answer(200, page(1001, aConfigMap('kept', 900), aConfigMap('new', 950)))
      await has('kept@900', 'new@950')
      const watch = await request(3)
      expect(watch.url).to.include('resourceVersion=1001')
      watch.begin(`${JSON.stringify({ type: 'MODIFIED', object: aConfigMap('new', 1002) })}\n`)
      await has('kept@900', 'new@1002')
      expect(reflecting.failures).to.deep.equal(['Unreachable', 'WentBack'])
    })

    it('resolves a relist only after the second list', async () => {
      const list = await goBack()
      let isDone = false
      const relisted = reflecting.reflector.relist(new AbortController().signal).then(() => (isDone = true))
      await eventually(() => list.abandoned(), { what: 'the earlier list to end' })
      ;(await request(2)).begin(listed(1000))
      const pages = await request(3)
      expect(isDone).to.equal(false)
      pages.answer(200, page(1000))
      await relisted
      await has()
    })

    it('loses nothing if the second list is up to date: only one server was stale', async () => {
      const list = await goBack()
      list.begin(listed(1000, aConfigMap('kept', 900)))
      ;(await request(2)).answer(200, page(5001, aConfigMap('kept', 900), aConfigMap('new', 4900)))
      await has('kept@900', 'new@4900')
    })

    it('notices an object that is older than the cache at a version that went on', async () => {
      begin({ random: () => 0 })
      ;(await request(0)).answer(422, { kind: 'Status', code: 422, reason: 'Invalid' })
      ;(await request(1)).answer(200, page(5000, aConfigMap('ended', 4000), aConfigMap('lost', 4500)))
      await has('ended@4000', 'lost@4500')
      // The versions of the restored cluster were raised, and the old ones were compacted.
      ;(await request(2)).answer(410, { kind: 'Status', code: 410, reason: 'Expired' })
      await clock.pass(1)
      const restored = page(1_000_900, aConfigMap('ended', 3000))
      for (const nth of [3, 4]) (await request(nth)).answer(200, restored)
      await has('ended@3000')
      expect(reflecting.failures).to.deep.equal(['Gone', 'WentBack'])
    })

    it('takes an object that changes during a list for no restore', async () => {
      begin({ random: () => 0 })
      ;(await request(0)).begin(listed(5000, aConfigMap('a', 4000)))
      await has('a@4000')
      const relisted = reflecting.reflector.relist(new AbortController().signal)
      reflecting.store.applyOwn(aConfigMap('a', 5001))
      const events = listed(5001, aConfigMap('a', 4000)).split('\n')
      const change = JSON.stringify({ type: 'MODIFIED', object: aConfigMap('a', 5001) })
      ;(await request(1)).begin([events[0], change, ...events.slice(1)].join('\n'))
      await relisted
      expect(reflecting.failures).to.deep.equal([])
    })
  })

  describe('whose connection was lost', () => {
    const versioned = (version: number, ...items: ConfigMap[]) => ({
      kind: 'ConfigMapList',
      apiVersion: 'v1',
      metadata: { resourceVersion: String(version) },
      items,
    })
    const signal = new AbortController().signal
    /** The store is at this version, and its watch has broken. */
    const cut = async (history: History): Promise<void> => {
      begin({ random: () => 0, history })
      ;(await request(0)).begin(listed(5000, aConfigMap('a', 4000), aConfigMap('lost', 4500)))
      await has('a@4000', 'lost@4500')
      ;(await request(0)).cut()
      await eventually(() => clock.delays.length === 1, { what: 'the watch to break' })
    }
    const isOpen = (history: History) => history.confirm(signal).then(() => 'confirmed', nameOf)
    const nameOf = (error: unknown): string => (error instanceof Error ? error.name : String(error))

    it('asks for the version of the cluster first, and watches on from its own', async () => {
      await cut(new History())
      await clock.pass(1)
      const asked = await request(1)
      expect(asked.url).to.include('limit=1').and.not.include('watch=true')
      asked.answer(200, versioned(5000, aConfigMap('a', 4000)))
      expect((await request(2)).url)
        .to.include('watch=true')
        .and.include('resourceVersion=5000')
    })

    it('lists again at once where the version of the cluster is older', async () => {
      const history = new History()
      const { present } = history
      await cut(history)
      await clock.pass(1)
      ;(await request(1)).answer(200, versioned(1000))
      ;(await request(2)).answer(200, versioned(1001, aConfigMap('a', 900)))
      await has('a@900')
      expect(nameOf(present.reason)).to.equal('WentBack')
      expect(history.present.aborted, 'the next history').to.equal(false)
    })

    it('lets a write wait for one look at the cluster, which all of them share', async () => {
      const history = new History()
      expect(await isOpen(history), 'before').to.equal('confirmed')
      await cut(history)
      const writes = [isOpen(history), isOpen(history)]
      ;(await request(1)).answer(200, versioned(5000))
      expect(await Promise.all(writes)).to.deep.equal(['confirmed', 'confirmed'])
      expect(await isOpen(history)).to.equal('confirmed')
      expect(tap.requests).to.have.length(2)
    })

    it('lets no write through where the cluster was restored, or does not answer', async () => {
      const history = new History()
      await cut(history)
      const unknown = isOpen(history)
      ;(await request(1)).answer(500, {})
      expect(await unknown).to.equal('ApiError')
      const restored = isOpen(history)
      ;(await request(2)).answer(200, versioned(1000))
      expect(await restored).to.equal('WentBack')
    })

    it('makes every other cache of the process list again, though nothing of it went back', async () => {
      const history = new History()
      const other = reflect({ client, clock, resource: configMaps, namespace: 'other', history })
      try {
        ;(await request(0)).begin(listed(900, aConfigMap('b', 800)))
        await eventually(() => other.store.size === 1)
        const { present } = history
        history.wentBack(new WentBack('another cache has seen it'))
        expect(present.aborted).to.equal(true)
        expect(other.reflector.isBroken(), 'until it has listed').to.equal(true)
        const list = await request(1)
        expect(list.url).to.include('/other/').and.include('limit=500')
        list.answer(200, versioned(1000, aConfigMap('c', 850)))
        await eventually(() => [...other.store.list()].map(({ metadata }) => metadata.name).join() === 'c')
        begin({ history })
      } finally {
        await other.stop()
      }
    })
  })
})
