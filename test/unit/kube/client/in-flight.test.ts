import { expect } from 'chai'
import { InFlight } from '../../../../src/kube/client/in-flight.ts'

const never = new AbortController().signal

describe('requests in flight', () => {
  it('are no more than the limit; the others are admitted first come, first served', async () => {
    const inFlight = new InFlight(2)
    const inside: number[] = []
    const enter = async (n: number): Promise<() => void> => {
      const release = await inFlight.acquire(never)
      inside.push(n)
      return release
    }
    const [first, second] = await Promise.all([enter(1), enter(2)])
    const third = enter(3)
    const fourth = enter(4)
    await settled()
    expect(inside).to.deep.equal([1, 2])
    second()
    ;(await third)()
    await fourth
    first()
    expect(inside).to.deep.equal([1, 2, 3, 4])
  })

  it('give up the wait with their signal, and block no other request', async () => {
    const inFlight = new InFlight(1)
    const release = await inFlight.acquire(never)
    const impatient = new AbortController()
    const outcome = inFlight.acquire(impatient.signal).catch((error: unknown) => error)
    const patient = inFlight.acquire(never)
    impatient.abort('too long')
    expect(await outcome).to.equal('too long')
    release()
    await patient
    expect(await inFlight.acquire(AbortSignal.abort('late')).catch((error: unknown) => error)).to.equal('late')
  })
})

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
