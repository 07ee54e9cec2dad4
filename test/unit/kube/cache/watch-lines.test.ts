import { expect } from 'chai'
import { watchLines } from '../../../../src/kube/cache/watch.ts'
import { Unreachable } from '../../../../src/kube/client/errors.ts'

async function* bytes(text: string, size: number): AsyncGenerator<Uint8Array> {
  const encoded = Buffer.from(text)
  for (let from = 0; from < encoded.length; from += size) yield encoded.subarray(from, from + size)
}

async function all(batches: AsyncIterable<string[]>): Promise<string[]> {
  const seen: string[] = []
  for await (const lines of batches) seen.push(...lines)
  return seen
}

describe('watch lines', () => {
  const text = '{"a":"é"}\n\n{"b":"日本"}\n{"c":"🙂"}\n'

  for (const size of [1, 2, 3, 5, 7, 1000]) {
    it(`are complete when their bytes arrive in chunks of ${size}`, async () => {
      const lines = await all(watchLines(bytes(text, size)))
      expect(lines).to.deep.equal(['{"a":"é"}', '{"b":"日本"}', '{"c":"🙂"}'])
    })
  }

  it('arrive together when their bytes do', async () => {
    const batches: string[][] = []
    for await (const lines of watchLines(bytes('1\n2\n3\n', 5))) batches.push(lines)
    expect(batches).to.deep.equal([['1', '2'], ['3']])
  })

  it('do not include a truncated line: the body fails', async () => {
    const seen: string[] = []
    const read = async (): Promise<void> => {
      for await (const lines of watchLines(bytes('{"a":1}\n{"b":', 4))) seen.push(...lines)
    }
    expect(await read().catch((error: unknown) => error)).to.be.instanceOf(Unreachable)
    expect(seen).to.deep.equal(['{"a":1}'])
  })

  it('report every received chunk, even half a line', async () => {
    let arrivals = 0
    await all(watchLines(bytes('{"a":1}\n', 2), () => (arrivals += 1)))
    expect(arrivals).to.equal(4)
  })
})
