import { expect } from 'chai'
import { Unreachable } from '../../src/kube/client/errors.ts'
import { eventually, Hopeless } from '../observe/eventually.ts'
import { freePort } from '../processes/free-port.ts'

const options = { withinMs: 500, everyMs: 1 }

/** How often a condition was looked at that first throws this, and then holds. */
async function looksUntil(error: unknown): Promise<number> {
  let looks = 0
  const condition = (): boolean => {
    looks += 1
    if (looks === 1) throw error
    return true
  }
  try {
    await eventually(condition, options)
  } catch (thrown) {
    expect(thrown).to.equal(error)
  }
  return looks
}

describe('a wait for a condition', () => {
  const passing: Record<string, () => unknown> = {
    'a failed assertion': () => thrownBy(() => expect(1).to.equal(2)),
    'an answer that does not come': () => new Unreachable('refused'),
    'a failed command': () => new Error('exit code 1'),
  }
  for (const [what, error] of Object.entries(passing)) {
    it(`looks again after ${what}`, async () => expect(await looksUntil(error())).to.equal(2))
  }

  it('looks again after a connection that fetch could not make', async () => {
    const port = await freePort()
    const wait = eventually(async () => (await fetch(`http://127.0.0.1:${port}/`)).status === 200, {
      ...options,
      what: 'the server to answer',
    })
    expect(await wait.catch(String)).to.include('not within 500 ms: the server to answer')
  })

  const ending: Record<string, () => unknown> = {
    'what can no longer come': () => new Hopeless('it is over'),
    'a property of nothing': () => thrownBy(() => Reflect.get(JSON.parse('null'), 'a')),
    'a name that is none': () => new ReferenceError('x is not defined'),
  }
  for (const [what, error] of Object.entries(ending)) {
    it(`ends at once at ${what}`, async () => expect(await looksUntil(error())).to.equal(1))
  }

  it('looks whenever something has changed', async () => {
    let looks = 0
    const changed = async (): Promise<void> => void (looks += 1)
    expect(await eventually(() => looks === 3, { ...options, changed })).to.equal(true)
  })
})

function thrownBy(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return error
  }
}
