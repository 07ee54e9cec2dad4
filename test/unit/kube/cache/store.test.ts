import { expect } from 'chai'
import { type Change, Store } from '../../../../src/kube/cache/store.ts'
import { objectsPerTurn } from '../../../../src/kube/runtime/event-loop-yield.ts'
import { RecordedLog } from '../../../documents/recorded-log.ts'
import { aConfigMap, type ConfigMap } from '../../../objects/config-maps.ts'

const never = new AbortController().signal

const version = (object: ConfigMap | undefined): string => object?.metadata.resourceVersion ?? '-'

/** Changes as `key old>now`, in versions. */
function changesOf(store: Store<ConfigMap>): string[] {
  const seen: string[] = []
  store.onChange(({ key, old, now }: Change<ConfigMap>) => seen.push(`${key} ${version(old)}>${version(now)}`))
  return seen
}

describe('store', () => {
  it('finds an object by its key and by its index values, as it changes', () => {
    const store = new Store<ConfigMap>({
      indexes: { colour: ({ data }) => (data?.['colour'] ?? '').split(',').filter(Boolean) },
    })
    store.upsert(aConfigMap('a', 1, { data: { colour: 'red,blue' } }))
    store.upsert(aConfigMap('b', 2, { data: { colour: 'red' } }))
    expect(store.get('ns/a')?.metadata.resourceVersion).to.equal('1')
    expect(store.byIndex('colour', 'red')).to.have.length(2)

    store.upsert(aConfigMap('a', 3, { data: { colour: 'blue,green' } }))
    expect(store.byIndex('colour', 'red').map(({ metadata }) => metadata.name)).to.deep.equal(['b'])
    expect(store.byIndex('colour', 'green')[0]?.metadata.resourceVersion).to.equal('3')
    expect(store.byIndex('colour', 'blue')[0]?.metadata.resourceVersion).to.equal('3')

    store.remove(aConfigMap('a', 4))
    expect(store.byIndex('colour', 'blue')).to.deep.equal([])
    expect(store.indexSize('colour', 'blue')).to.equal(0)
    expect(store.indexSize('colour', 'red')).to.equal(1)
    expect(() => store.byIndex('shape', 'round')).to.throw('no index named shape')
  })

  it('passes the old and the new object to every handler, until it unsubscribes', () => {
    const store = new Store<ConfigMap>()
    const seen: string[] = []
    const off = store.onChange(({ old, now }) => seen.push(`${old?.data?.['v'] ?? '-'}>${now?.data?.['v'] ?? '-'}`))
    store.upsert(aConfigMap('a', 1, { data: { v: 'one' } }))
    store.upsert(aConfigMap('a', 2, { data: { v: 'two' } }))
    store.remove(aConfigMap('a', 3))
    off()
    store.upsert(aConfigMap('a', 4))
    expect(seen).to.deep.equal(['->one', 'one>two', 'two>-'])
  })

  it('survives a handler that throws, calls the others, and logs the error', () => {
    const log = new RecordedLog()
    const store = new Store<ConfigMap>({ log })
    store.onChange(() => {
      throw new Error('broken')
    })
    const seen = changesOf(store)
    store.upsert(aConfigMap('a', 1))
    expect(seen).to.deep.equal(['ns/a ->1'])
    expect(log.lines).to.deep.include({ level: 'error', message: 'change handler failed', key: 'ns/a' })
  })

  it('keeps one order of changes for all handlers when one of them changes the store', () => {
    const store = new Store<ConfigMap>()
    store.onChange(({ now }) => {
      if (now?.metadata.resourceVersion === '1') store.applyOwn(aConfigMap('a', 2))
    })
    const seen = changesOf(store)
    store.upsert(aConfigMap('a', 1))
    expect(seen).to.deep.equal(['ns/a ->1', 'ns/a 1>2'])
  })

  it('compares versions as numbers: 10 is newer than 9', () => {
    const store = new Store<ConfigMap>()
    store.upsert(aConfigMap('a', 9))
    store.upsert(aConfigMap('a', 10))
    store.upsert(aConfigMap('a', 9))
    expect(store.get('ns/a')?.metadata.resourceVersion).to.equal('10')
  })

  it('drops the watch event of an own write, and older ones, without a change', () => {
    const store = new Store<ConfigMap>()
    store.upsert(aConfigMap('a', 5))
    const seen = changesOf(store)
    store.applyOwn(aConfigMap('a', 8))
    store.upsert(aConfigMap('a', 7))
    store.upsert(aConfigMap('a', 8))
    expect(seen).to.deep.equal(['ns/a 5>8'])
  })

  it('ignores a deletion older than the stored object', () => {
    const store = new Store<ConfigMap>()
    store.applyOwn(aConfigMap('a', 8, { uid: 'second' }))
    store.remove(aConfigMap('a', 7, { uid: 'first' }))
    expect(store.get('ns/a')?.metadata.uid).to.equal('second')
  })

  it('does not bring back an object that the watch has shown as deleted', () => {
    const store = new Store<ConfigMap>()
    store.upsert(aConfigMap('a', 5))
    store.remove(aConfigMap('a', 6))
    store.advance('6')
    const seen = changesOf(store)
    store.applyOwn(aConfigMap('a', 5)) // the response to the create is read after the events
    expect(store.size).to.equal(0)
    store.applyOwn(aConfigMap('a', 7, { uid: 'second' }))
    expect(seen).to.deep.equal(['ns/a ->7'])
  })

  it('shows another incarnation under the same name as a removal and an addition', () => {
    const store = new Store<ConfigMap>()
    store.upsert(aConfigMap('a', 5, { uid: 'first' }))
    const seen = changesOf(store)
    store.upsert(aConfigMap('a', 9, { uid: 'second' }))
    expect(seen).to.deep.equal(['ns/a 5>-', 'ns/a ->9'])
  })

  it('removes objects that a complete list lacks, but none newer than the list', async () => {
    const store = new Store<ConfigMap>()
    store.upsert(aConfigMap('gone', 3))
    store.upsert(aConfigMap('kept', 4))
    store.applyOwn(aConfigMap('newborn', 12))
    store.applyOwn(aConfigMap('changed', 11))
    const seen = changesOf(store)
    await store.replaceAll([aConfigMap('kept', 4), aConfigMap('changed', 6), aConfigMap('added', 7)], '10')
    expect(seen).to.deep.equal(['ns/added ->7', 'ns/gone 3>-'])
    expect([...store.list()].map(({ metadata }) => metadata.name)).to.have.members([
      'kept',
      'newborn',
      'changed',
      'added',
    ])
  })

  it('holds only included objects, also after own writes, and removes objects no longer included', () => {
    const store = new Store<ConfigMap>({ includes: ({ data }) => data?.['ours'] === 'yes' })
    const ours = { data: { ours: 'yes' } }
    const seen = changesOf(store)
    store.upsert(aConfigMap('a', 1, ours))
    store.upsert(aConfigMap('b', 2))
    store.applyOwn(aConfigMap('c', 3))
    store.upsert(aConfigMap('a', 4))
    store.applyOwn(aConfigMap('a', 5, ours))
    store.applyOwn(aConfigMap('a', 2))
    expect(seen).to.deep.equal(['ns/a ->1', 'ns/a 1>-', 'ns/a ->5'])
    expect([...store.list()]).to.have.length(1)
  })

  it('follows a restored cluster: older objects, other objects, and none', async () => {
    const store = new Store<ConfigMap>()
    await store.replaceAll(
      [aConfigMap('changed', 50), aConfigMap('lost', 60), aConfigMap('renewed', 70, { uid: 'second' })],
      '100',
    )
    const seen = changesOf(store)
    expect(store.isPast('40')).to.equal(true)
    await store.rebuild(
      [aConfigMap('changed', 5), aConfigMap('renewed', 6, { uid: 'first' }), aConfigMap('back', 7)],
      '40',
    )
    expect(seen).to.deep.equal(['ns/changed 50>5', 'ns/renewed 70>-', 'ns/renewed ->6', 'ns/back ->7', 'ns/lost 60>-'])
    expect(store.version).to.equal('40')
    store.upsert(aConfigMap('changed', 41))
    store.upsert(aConfigMap('changed', 39))
    store.applyOwn(aConfigMap('own', 42))
    store.applyOwn(aConfigMap('gone', 40))
    expect(seen.slice(5)).to.deep.equal(['ns/changed 5>41', 'ns/own ->42'])
  })

  it('keeps objects written while it follows a restored cluster', async () => {
    const store = new Store<ConfigMap>()
    const many = Array.from({ length: objectsPerTurn }, (_, n) => aConfigMap(`c${n}`, n + 1000))
    await store.replaceAll([...many, aConfigMap('changed', 5000)], '9000')
    const items = [...many.map(({ metadata }, n) => aConfigMap(metadata.name, n + 1)), aConfigMap('changed', 600)]
    const rebuilt = store.rebuild(items, '700')
    store.applyOwn(aConfigMap('changed', 701)) // after the first slice
    store.applyOwn(aConfigMap('own', 702))
    await rebuilt
    expect(version(store.get('ns/changed'))).to.equal('701')
    expect(version(store.get('ns/own'))).to.equal('702')
    expect(version(store.get('ns/c0'))).to.equal('1')
    expect(store.size).to.equal(objectsPerTurn + 2)
  })

  describe('beside another store that the same watch fills', () => {
    const red = { data: { colour: 'red' } }
    const blue = { data: { colour: 'blue' } }
    const of = (colour: string) => ({ includes: ({ data }: ConfigMap) => data?.['colour'] === colour })

    const pair = () => {
      const beside = new Store<ConfigMap>(of('blue'))
      const store = new Store<ConfigMap>({ ...of('red'), beside })
      return { store, beside, seen: changesOf(store), seenBeside: changesOf(beside) }
    }

    it('has the objects of each in it alone, whether listed, watched or written by this process', async () => {
      const { store, beside, seen, seenBeside } = pair()
      await store.replaceAll([aConfigMap('a', 1, red), aConfigMap('b', 2, blue)], '3')
      store.upsert(aConfigMap('c', 4, blue))
      store.applyOwn(aConfigMap('d', 5, blue))
      store.remove(aConfigMap('b', 6, blue))
      store.advance('6')
      expect(seen).to.deep.equal(['ns/a ->1'])
      expect(seenBeside).to.deep.equal(['ns/b ->2', 'ns/c ->4', 'ns/d ->5', 'ns/b 2>-'])
      expect([beside.hasSynced(), beside.version]).to.deep.equal([true, '6'])
    })

    it('moves an object that begins to match the other', () => {
      const { store, seen, seenBeside } = pair()
      store.upsert(aConfigMap('a', 1, red))
      store.upsert(aConfigMap('a', 2, blue))
      store.upsert(aConfigMap('a', 3, red))
      expect(seen).to.deep.equal(['ns/a ->1', 'ns/a 1>-', 'ns/a ->3'])
      expect(seenBeside).to.deep.equal(['ns/a ->2', 'ns/a 2>-'])
    })

    it('removes from each what a complete list lacks', async () => {
      const { store, seen, seenBeside } = pair()
      await store.replaceAll([aConfigMap('a', 1, red), aConfigMap('b', 2, blue), aConfigMap('c', 3, blue)], '3')
      await store.replaceAll([aConfigMap('c', 3, blue)], '9')
      expect(seen.slice(1)).to.deep.equal(['ns/a 1>-'])
      expect(seenBeside.slice(2)).to.deep.equal(['ns/b 2>-'])
    })

    it('follows a restored cluster in both: older objects, others, and none', async () => {
      const { store, beside, seen, seenBeside } = pair()
      await store.replaceAll([aConfigMap('a', 50, red), aConfigMap('b', 60, blue), aConfigMap('lost', 70, blue)], '100')
      await store.rebuild([aConfigMap('a', 5, blue), aConfigMap('b', 6, blue), aConfigMap('back', 7, red)], '40')
      expect(seen.slice(1)).to.deep.equal(['ns/a 50>-', 'ns/back ->7'])
      expect(seenBeside.slice(2)).to.deep.equal(['ns/a ->5', 'ns/b 60>6', 'ns/lost 70>-'])
      expect([store.version, beside.version]).to.deep.equal(['40', '40'])
      store.upsert(aConfigMap('b', 41, blue))
      expect(seenBeside.at(-1)).to.equal('ns/b 6>41')
    })
  })

  it('has synced after the first complete list, even an empty one', async () => {
    const store = new Store<ConfigMap>()
    store.upsert(aConfigMap('a', 1))
    expect(store.hasSynced()).to.equal(false)
    const synced = store.synced(never)
    await store.replaceAll([], '0')
    await synced
    expect(store.hasSynced()).to.equal(true)
  })

  it('ends the wait for the first list with the signal', async () => {
    const stop = new AbortController()
    const outcome = new Store<ConfigMap>().synced(stop.signal).catch((error: unknown) => error)
    stop.abort('stopped')
    expect(await outcome).to.equal('stopped')
  })

  it('gives the event loop a turn at least every 500 objects, adding and removing', async () => {
    const store = new Store<ConfigMap>()
    let inThisTurn = 0
    let most = 0
    store.onChange(() => {
      if (inThisTurn === 0) setImmediate(() => (inThisTurn = 0))
      inThisTurn += 1
      most = Math.max(most, inThisTurn)
    })
    await store.replaceAll(
      Array.from({ length: 1700 }, (_, n) => aConfigMap(`c${n}`, n + 1)),
      '2000',
    )
    await store.replaceAll([], '3000')
    expect(store.size).to.equal(0)
    expect(most).to.be.at.most(objectsPerTurn).and.greaterThan(100)
  })

  it('stores only the transformed object, also after own writes, and no managedFields by default', () => {
    const bare = new Store<ConfigMap>()
    const raw = aConfigMap('a', 1, { data: { k: 'v' } })
    const managed = { ...raw.metadata, managedFields: [{}] }
    bare.upsert({ ...raw, metadata: managed })
    expect(bare.get('ns/a')).to.deep.equal(raw)

    const slim = new Store<ConfigMap>({ transform: ({ metadata }) => ({ metadata }) })
    slim.applyOwn(raw)
    expect(slim.get('ns/a')).to.deep.equal({ metadata: raw.metadata })
  })
})
