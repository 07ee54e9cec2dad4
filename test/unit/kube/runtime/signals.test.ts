import { getEventListeners } from 'node:events'
import { expect } from 'chai'
import { abortable, linkedAbortController } from '../../../../src/kube/runtime/signals.ts'

describe('signals', () => {
  it('end the wait for a promise that never settles, with their reason', async () => {
    const stop = new AbortController()
    const outcome = abortable(new Promise(() => {}), stop.signal).catch((error: unknown) => error)
    stop.abort('stopped')
    expect(await outcome).to.equal('stopped')
    expect(await abortable(new Promise(() => {}), stop.signal).catch((error: unknown) => error)).to.equal('stopped')
  })

  it('link to a controller that any of them aborts', () => {
    const [a, b] = [new AbortController(), new AbortController()]
    expect(linkedAbortController(a.signal, b.signal).signal.aborted).to.equal(false)
    const linked = linkedAbortController(a.signal, b.signal)
    b.abort('b')
    expect(linked.signal.reason).to.equal('b')
    expect(linkedAbortController(a.signal, b.signal).signal.reason).to.equal('b')
  })

  it('leave no listener after a link or a wait has ended', async () => {
    const long = new AbortController().signal
    await abortable(Promise.resolve(1), long)
    await abortable(Promise.reject(new Error('no')), long).catch(() => {})
    linkedAbortController(long).release()
    expect(getEventListeners(long, 'abort')).to.have.length(0)
  })
})
