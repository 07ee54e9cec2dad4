import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { locked } from '../../../config/local/run.d/lock.ts'

const forever = new AbortController().signal

describe('a lock on a file', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'runnerhub-lock-'))
  })
  after(() => rm(folder, { recursive: true }))

  it('admits one at a time, and the next one even after a failure', async () => {
    let inside = 0
    let most = 0
    const work = async (index: number): Promise<number> => {
      inside++
      most = Math.max(most, inside)
      await new Promise((resolve) => setImmediate(resolve))
      inside--
      if (index === 1) throw new Error('no')
      return index
    }
    const file = join(folder, 'lock')
    const results = await Promise.allSettled([0, 1, 2, 3].map((index) => locked(file, () => work(index), forever)))
    expect(most).to.equal(1)
    expect(results.map(({ status }) => status)).to.deep.equal(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
  })

  it('does not wait beyond its time limit', async () => {
    const file = join(folder, 'held')
    const stop = new AbortController()
    const second = async (): Promise<unknown> => {
      const waiting = locked(file, async () => 'in', stop.signal)
      stop.abort(new Error('enough'))
      return waiting.catch((error: unknown) => (error instanceof Error ? error.name : error))
    }
    expect(await locked(file, second, forever)).to.equal('AbortError')
    expect(await locked(file, async () => 'free again', forever)).to.equal('free again')
  })
})
