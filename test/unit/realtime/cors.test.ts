import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { makeRealtime } from '../../../src/realtime/server.ts'
import { RecordedLog } from '../../documents/recorded-log.ts'
import { FilledCaches } from '../../objects/stores.ts'
import { HandClock } from '../../observe/clock.ts'

const ORIGIN = 'https://dashboard.example'

/** The CORS header of a polling response to a page of this origin. */
async function allowed(corsOrigins: readonly string[] | undefined, origin: string): Promise<string | null> {
  const log = new RecordedLog()
  const { caches } = await new FilledCaches().fill()
  const admit = async () => ({ is: 'admitted', caller: 'a', mayList: true, scope: { is: 'all' } }) as const
  const limits = { reauthoriseMs: 60_000, mostPerCaller: 9 }
  const { server, close } = makeRealtime({ caches, admit, clock: new HandClock(), log, corsOrigins, ...limits })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const address: AddressInfo | string | null = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const url = `http://127.0.0.1:${port}/socket.io/?EIO=4&transport=polling`
    const response = await fetch(url, { headers: { origin } })
    expect(response.status, await response.text()).to.equal(200)
    return response.headers.get('access-control-allow-origin')
  } finally {
    await close()
    server.closeAllConnections()
  }
}

describe('a script of another origin that polls Socket.IO', () => {
  it('is allowed if its origin is configured, and gets no CORS header if none is', async () => {
    expect(await allowed([ORIGIN, 'https://other.example'], ORIGIN)).to.equal(ORIGIN)
    expect(await allowed([ORIGIN], 'https://evil.example')).to.equal(null)
    expect(await allowed(undefined, ORIGIN)).to.equal(null)
  })

  it('is allowed from every origin if so configured', async () => {
    expect(await allowed(['*'], ORIGIN)).to.equal('*')
  })
})
