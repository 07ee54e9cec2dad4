import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { expect } from 'chai'
import { goneSignal } from '../../../src/http/request-signal.ts'

describe('the signal that a caller has gone', () => {
  it('is there when he had gone before anybody asked for it', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    try {
      await once(server, 'listening')
      const { port } = portOf(server.address())
      const caller = connect(port, '127.0.0.1')
      const asked: Promise<[unknown, ServerResponse]> = once(server, 'request').then(([request, res]) => [request, res])
      caller.write('GET / HTTP/1.1\r\nHost: hub\r\n\r\n')
      const [, res] = await asked
      const closed = once(res, 'close')
      caller.destroy()
      await closed
      expect(goneSignal({ res }).aborted).to.equal(true)
    } finally {
      server.close()
    }
  })
})

function portOf(address: AddressInfo | string | null): AddressInfo {
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address
}
