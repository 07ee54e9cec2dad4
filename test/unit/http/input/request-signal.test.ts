import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { expect } from 'chai'
import { errorToHttp } from '../../../../src/http/errors-to-http.ts'
import { goneSignal, requestSignal } from '../../../../src/http/input/request-signal.ts'
import { HandClock } from '../../../observe/clock.ts'

describe('the signal of a request', () => {
  let server: Server
  let caller: Socket
  let res: ServerResponse
  let ctx: Parameters<typeof goneSignal>[0]

  beforeEach(async () => {
    server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    caller = connect(portOf(server.address()).port, '127.0.0.1')
    const asked = new Promise<ServerResponse>((resolve) =>
      server.once('request', (_request, response) => resolve(response)),
    )
    caller.write('GET / HTTP/1.1\r\nHost: hub\r\n\r\n')
    res = await asked
    ctx = { res, state: {} }
  })
  afterEach(() => {
    caller.destroy()
    server.close()
  })

  async function leave(): Promise<void> {
    const closed = once(res, 'close')
    caller.destroy()
    await closed
  }

  it('is aborted when the caller had disconnected before it was asked for', async () => {
    await leave()
    expect([goneSignal(ctx).aborted, requestSignal(ctx).aborted]).to.deep.equal([true, true])
  })

  it('is aborted when the caller disconnects, and cancels its timer', async () => {
    const clock = new HandClock()
    const signals = [goneSignal(ctx), requestSignal(ctx, clock)]
    expect(signals.map(({ aborted }) => aborted)).to.deep.equal([false, false])
    await leave()
    expect(signals.map(({ aborted }) => aborted)).to.deep.equal([true, true])
    expect(clock.timers).to.equal(0)
  })

  it('adds one listener to the response, however many parts of a request ask for a signal', async () => {
    const before = res.listenerCount('close')
    const signals = Array.from({ length: 12 }, () => [goneSignal(ctx), requestSignal(ctx)]).flat()
    expect(res.listenerCount('close') - before).to.equal(1)
    await leave()
    expect(signals.map(({ aborted }) => aborted)).to.not.include(false)
  })

  it('is not aborted by the end of the response', async () => {
    const clock = new HandClock()
    const signal = requestSignal(ctx, clock)
    const closed = once(res, 'close')
    res.end('response')
    await closed
    expect({ aborted: signal.aborted, timers: clock.timers }).to.deep.equal({ aborted: false, timers: 0 })
  })

  it('is aborted when the cluster takes too long, with an error that maps to 503', async () => {
    const clock = new HandClock()
    const signal = requestSignal(ctx, clock)
    await clock.advance(19_000)
    expect(signal.aborted).to.equal(false)
    await clock.advance(1000)
    expect(errorToHttp(signal.reason).status).to.equal(503)
  })
})

function portOf(address: AddressInfo | string | null): AddressInfo {
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address
}
