import { execFileSync } from 'node:child_process'
import { expect } from 'chai'
import { assert, asyncProperty, integer, nat, record } from 'fast-check'
import { headerOf, packMember, packPart, unpackPart } from '../../../src/archive/packed-part.ts'
import { ArchivedLog, latestHeader, type Piece } from '../../../src/archive/reader.ts'
import { ArchiveWriter } from '../../../src/archive/writer.ts'
import { LogPosition } from '../../../src/domain/log/position.ts'
import { anAttempt, MemoryStore } from '../../objects/memory-store.ts'

const never = new AbortController().signal

/** Numbered lines, ten a second. Their text packs badly, so that small limits are reached. */
function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const stamp = new Date(Date.UTC(2026, 0, 1) + index * 100).toISOString().replace('Z', '000000Z')
    const noise = Array.from({ length: 5 }, (_each, at) =>
      ((index * 2654435761 + at * 40503) % 4294967296).toString(36),
    )
    return `${stamp} line ${index} ${noise.join('')}\n`
  })
}

/** Reads on as a leader does, and stops after so many bytes, as if it were killed; whole logs get their end. */
async function lead(
  store: MemoryStore,
  lines: readonly string[],
  { bytes = Infinity, piece = 1000, end = 'whole' }: Led = {},
) {
  const stored = await latestHeader(store, anAttempt, never)
  if (stored?.end !== undefined) return
  const position = stored?.position === undefined ? new LogPosition() : LogPosition.restored(stored.position)
  const persist = (name: string, part: Buffer): Promise<void> => store.put(anAttempt, name, part)
  const writer = new ArchiveWriter({ limits: store.limits, persist }, stored)
  const since = position.since ?? ''
  const log = Buffer.from(lines.filter((line) => line >= since).join(''))
  position.reopened()
  for (let from = 0; from < Math.min(bytes, log.length); from += piece) {
    const chunk = log.subarray(from, Math.min(from + piece, bytes))
    await writer.add(position.take(chunk), () => position.snapshot(), never)
  }
  if (bytes < log.length) return
  await writer.add(position.rest(), () => undefined, never)
  await writer.end(end, never)
}

interface Led {
  bytes?: number
  piece?: number
  end?: 'whole' | 'cut'
}

async function archived(store: MemoryStore): Promise<ArchivedLog> {
  const log = await ArchivedLog.open(store, anAttempt, never)
  if (log === undefined) throw new Error('the log is not archived')
  return log
}

async function textOf(pieces: AsyncIterable<Piece>): Promise<string> {
  const all: string[] = []
  for await (const { text } of pieces) all.push(text.toString())
  return all.join('')
}

const smallParts = { packedPart: 3000, part: 8000 }

describe('an archived log', () => {
  it('has every line once and in order, however its stream is split and wherever leaders are killed', async () => {
    const lines = numbered(1000)
    const whole = lines.join('')
    const lives = integer({ min: 1, max: 6 })
    await assert(
      asyncProperty(lives, nat(1000), integer({ min: 1, max: 25_000 }), async (kills, seed, piece) => {
        const store = new MemoryStore(smallParts)
        for (let life = 1; life <= kills; life += 1)
          await lead(store, lines, { bytes: ((seed * life * 7919) % whole.length) + 1, piece })
        await lead(store, lines, { piece })
        expect((await textOf((await archived(store)).read(0, Infinity, never))) === whole).to.equal(true)
      }),
      { numRuns: 25 },
    )
  })

  it('returns any range of its lines, of which several members are in a part', async () => {
    const lines = numbered(4000)
    const store = new MemoryStore({ packedPart: 90_000, part: 180_000 })
    await lead(store, lines)
    expect(store.parts.size).to.equal(2)
    const log = await archived(store)
    await assert(
      asyncProperty(nat(4100), nat(1500), async (from, count) => {
        expect(
          (await textOf(log.read(from, from + count, never))) === lines.slice(from, from + count).join(''),
        ).to.equal(true)
      }),
      { numRuns: 50 },
    )
  })

  it('returns any range of its lines', async () => {
    const lines = numbered(2000)
    const store = new MemoryStore(smallParts)
    await lead(store, lines)
    const log = await archived(store)
    expect(log.lines).to.equal(2000)
    await assert(
      asyncProperty(record({ from: nat(2100), count: nat(700) }), async ({ from, count }) => {
        expect(await textOf(log.read(from, from + count, never))).to.equal(lines.slice(from, from + count).join(''))
      }),
      { numRuns: 50 },
    )
  })

  it('returns any range of its bytes, and reads no other part for it', async () => {
    const lines = numbered(2000)
    const store = new MemoryStore(smallParts)
    await lead(store, lines)
    const log = await archived(store)
    const whole = lines.join('')
    expect(log.bytes).to.equal(whole.length)
    const read = async (from: number, to: number): Promise<string> => {
      const all: Buffer[] = []
      for await (const bytes of log.readBytes(from, to, never)) all.push(bytes)
      return Buffer.concat(all).toString()
    }
    await assert(
      asyncProperty(nat(whole.length), nat(20_000), async (from, count) => {
        expect((await read(from, from + count)) === whole.slice(from, from + count)).to.equal(true)
      }),
      { numRuns: 50 },
    )
    store.asked.length = 0
    await read(20_000, 20_010)
    expect(store.asked.length).to.be.within(1, 2)
  })

  it('has no bytes to choose from where lines are missing, and ends with an error where a part has gone', async () => {
    const cut = new MemoryStore()
    await lead(cut, numbered(3), { end: 'cut' })
    expect((await archived(cut)).bytes).to.equal(undefined)
    const store = new MemoryStore(smallParts)
    await lead(store, numbered(2000))
    const log = await archived(store)
    store.parts.delete('pod-uid/part-00000')
    const first = await log
      .readBytes(0, 10, never)
      .next()
      .catch((error: unknown) => error)
    expect(String(first)).to.match(/deleted while it was read/)
  })

  it('returns its last lines from its last parts', async () => {
    const store = new MemoryStore(smallParts)
    await lead(store, numbered(5000))
    store.asked.length = 0
    const log = await archived(store)
    const text = await textOf(log.read(log.tailStart(10), Infinity, never))
    expect(text).to.equal(numbered(5000).slice(-10).join(''))
    expect(store.asked.length).to.be.within(1, 2)
    expect(store.parts.size).to.be.greaterThan(20)
  })

  it('keeps the head and the tail of a log that is too long, with a marker that counts the lines between', async () => {
    const lines = numbered(15_000)
    const store = new MemoryStore({ head: 40_000, tail: 40_000, packedPart: 10_000, part: 1_000_000 })
    await lead(store, lines, { piece: 65_536 })
    const log = await archived(store)
    const text = await textOf(log.read(0, Infinity, never))
    const [, before = '', missing = '', after = ''] =
      /^([^]*?)[^\n]* \[RunnerHub\] (\d+) lines \(\d+ bytes\) are left out here[^\n]*\n([^]*)$/.exec(text) ?? []
    const [head, tail] = [before.split('\n').length - 1, after.split('\n').length - 1]
    expect(before).to.equal(lines.slice(0, head).join(''))
    expect(after).to.equal(lines.slice(-tail).join(''))
    expect(head + Number(missing) + tail).to.equal(15_000)
    expect(Math.min(head, tail)).to.be.greaterThan(500)
    expect([...store.parts.values()].reduce((sum, part) => sum + part.length, 0)).to.be.below(130_000)
    expect(log.isIncomplete).to.equal(true)
    expect(await textOf(log.read(log.tailStart(5), Infinity, never))).to.equal(lines.slice(-5).join(''))
  })

  it('says that its end is missing if the node did not return it', async () => {
    const store = new MemoryStore()
    await lead(store, numbered(3), { end: 'cut' })
    const log = await archived(store)
    expect(await textOf(log.read(0, Infinity, never))).to.match(/line 2 \w+\n\S+ \[RunnerHub\] the log may go on/)
    expect(log.isIncomplete).to.equal(true)
  })

  it('of a container that wrote nothing is empty, and takes one part', async () => {
    const store = new MemoryStore()
    await lead(store, [])
    expect(await textOf((await archived(store)).read(0, Infinity, never))).to.equal('')
    expect(store.parts.size).to.equal(1)
  })

  it('of a usual job takes one part', async () => {
    const store = new MemoryStore({ head: 131_072, tail: 114_688, packedPart: 65_536, part: 4_194_304 })
    await lead(store, numbered(800))
    expect([...store.parts.keys()]).to.deep.equal(['pod-uid/end'])
  })

  it('keeps the first 4 MiB of a line, so that memory is bounded', async () => {
    const line = `2026-01-01T00:00:00.000000000Z ${'x'.repeat(9_000_000)}\n`
    const next = '2026-01-01T00:00:01.000000000Z next\n'
    const store = new MemoryStore()
    await lead(store, [line, next], { piece: 65_536 })
    const text = await textOf((await archived(store)).read(0, Infinity, never))
    expect(text.length).to.be.within(4 * 1024 * 1024, 4 * 1024 * 1024 + 200)
    expect(text).to.match(/x \[RunnerHub\] the rest of this line is left out\n2026-01-01T00:00:01.000000000Z next\n$/)
    expect((await archived(store)).lines).to.equal(2)
  })
})

describe('a part of a log', () => {
  const texts = ['one\ntwo\n', 'three\n', 'four\nfive\n']

  it('is unpacked only where it has the wanted lines or bytes', async () => {
    const packed = await Promise.all(texts.map((text) => packMember(Buffer.from(text))))
    const members = texts.map((text, index) => ({
      lines: text.split('\n').length - 1,
      bytes: text.length,
      packed: packed[index]?.length ?? 0,
    }))
    const header = { parts: [], members }
    const broken = packed.map((member, index) => (index === 1 ? member : Buffer.alloc(member.length)))
    const part = packPart(header, broken)
    for (const wanted of [
      { unit: 'lines', from: 2, to: 3 },
      { unit: 'bytes', from: 9, to: 12 },
    ] as const) {
      const { text, before } = await unpackPart(part, header, wanted)
      expect(text.toString()).to.equal('three\n')
      expect(before).to.equal(wanted.unit === 'lines' ? 2 : 8)
    }
    expect(headerOf(part)).to.deep.equal(header)
  })

  it('of an earlier version, which has no index of its members, is unpacked as a whole', async () => {
    const part = packPart({ parts: [] }, await Promise.all(texts.map((text) => packMember(Buffer.from(text)))))
    const { text, before } = await unpackPart(part, { parts: [] }, { unit: 'lines', from: 2, to: 3 })
    expect([text.toString(), before]).to.deep.equal([texts.join(''), 0])
  })

  it('is a gzip file that other programs unpack', async () => {
    const part = packPart({ parts: [], end: 'whole' }, [
      await packMember(Buffer.from('one\n')),
      await packMember(Buffer.from('two\n')),
    ])
    expect(execFileSync('gzip', ['-dc'], { input: part }).toString()).to.equal('one\ntwo\n')
  })

  it('has its header back, whatever characters a line has', () => {
    const position = { seconds: [], count: 1, bytes: 3, last: '2026 “zürich”\u0000\u00ff', latest: '1' }
    expect(headerOf(packPart({ parts: [], position }, []))).to.deep.equal({ parts: [], position })
  })

  it('of somebody else is none', () => {
    for (const bytes of ['', 'text', '\u001f\u008b\u0008\u0010\u0000\u0000\u0000\u0000\u0000\u00ff{"parts":7}\u0000'])
      expect(headerOf(Buffer.from(bytes, 'latin1'))).to.equal(undefined)
  })
})
