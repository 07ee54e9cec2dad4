import { once } from 'node:events'
import type { Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import { makeServer } from '../../../src/http/server.ts'
import { RecordedLog } from '../../documents/recorded-log.ts'
import { HandClock } from '../../observe/clock.ts'

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n'
const post = (headers: string, body = '') => `POST /outer HTTP/1.1\r\nHost: x\r\n${headers}\r\n\r\n${body}`
const chunked = 'Transfer-Encoding: chunked'
const length = `Content-Length: ${SMUGGLED.length}`

/** Messages of which two servers may read different ends, or different headers. */
const ambiguous: Record<string, string> = {
  'a length and chunks': post(`${length}\r\n${chunked}`, '0\r\n\r\n'),
  'chunks and a length': post(`${chunked}\r\n${length}`, '0\r\n\r\n'),
  'a length of zero and chunks': post(`Content-Length: 0\r\n${chunked}`, '0\r\n\r\n'),
  'two lengths': post(`Content-Length: 0\r\n${length}`),
  'the same length twice': post(`${length}\r\n${length}`),
  'a list of lengths': post(`Content-Length: 0, ${SMUGGLED.length}`),
  'a length with a sign': post('Content-Length: +0'),
  'a negative length': post('Content-Length: -1'),
  'a length in hexadecimal': post('Content-Length: 0x0'),
  'a length of two words': post('Content-Length: 0 0'),
  'an empty length': post('Content-Length:'),
  'a length beyond 64 bits': post('Content-Length: 18446744073709551616'),
  'a space before the colon of the length': post('Content-Length : 0'),
  'a tab before the colon of the encoding': post('Transfer-Encoding\t: chunked', '0\r\n\r\n'),
  'an encoding that is none': post('Transfer-Encoding: xchunked', '0\r\n\r\n'),
  'an encoding after chunks': post('Transfer-Encoding: chunked, identity', '0\r\n\r\n'),
  'an encoding in a second header': post(`${chunked}\r\nTransfer-Encoding: identity`, '0\r\n\r\n'),
  'a control character before the encoding': post('Transfer-Encoding: \u000bchunked', '0\r\n\r\n'),
  'a folded header': post('X: a\r\n b\r\nContent-Length: 0'),
  'a folded encoding': post('Transfer-Encoding:\r\n chunked', '0\r\n\r\n'),
  'a folded length': post('X: a\r\n Content-Length: 9\r\nContent-Length: 0'),
  'a first header that is folded': `POST /outer HTTP/1.1\r\n Host: x\r\nContent-Length: 0\r\n\r\n`,
  'a line feed alone in a header': post('X: a\nContent-Length: 0'),
  'a carriage return alone in a header': post(`X: a\rContent-Length: 9\r\nContent-Length: 0`),
  'a zero byte in a header': post('X: a\0b\r\nContent-Length: 0'),
  'a header without a colon': post('X\r\nContent-Length: 0'),
  'a header without a name': post(': x\r\nContent-Length: 0'),
  'a chunk of no number': post(chunked, 'ZZ\r\n{}\r\n'),
  'a chunk of a negative length': post(chunked, '-1\r\n'),
  'a chunk with a prefix of hexadecimal': post(chunked, '0x0\r\n\r\n'),
  'a chunk beyond 64 bits': post(chunked, '10000000000000000\r\n'),
  'a chunk that is longer than it says': post(chunked, '1\r\nabc\r\n0\r\n\r\n'),
  'a chunk whose length ends with a line feed': post(chunked, '0\n\n'),
  'a chunk whose data ends with a line feed': post(chunked, '1\r\na\n0\r\n\r\n'),
}

/** Messages whose end is clear: what is in their bodies is data. */
const clear: Record<string, string> = {
  'a GET': `GET /outer HTTP/1.1\r\nHost: x\r\n${length}\r\n\r\n${SMUGGLED}`,
  'a POST': post(length, SMUGGLED),
  'a chunk': post(chunked, `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`),
  'the extension of a chunk': post(chunked, `0;x="GET /smuggled HTTP/1.1"\r\n\r\n`),
}

describe('a request in the body of a request', () => {
  let server: Server
  let seen: string[]

  beforeEach(async () => {
    seen = []
    const metrics = { answered: () => undefined }
    const options = { clock: new HandClock(), log: new RecordedLog(), version: '1', metrics }
    server = makeServer((request, response) => {
      seen.push(request.url ?? '')
      request.resume().once('end', () => response.end('handled'))
    }, options)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })

  function send(bytes: string): Socket {
    const address: AddressInfo | string | null = server.address()
    const caller = connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1')
    caller.write(Buffer.from(bytes, 'latin1'))
    return caller
  }

  const answersTo = (bytes: string): Promise<string> => text(send(bytes))

  for (const [what, bytes] of Object.entries(ambiguous)) {
    it(`is never handled, and its connection is closed with 400, after ${what}`, async () => {
      const answers = await answersTo(bytes + SMUGGLED)
      expect(seen).to.not.include('/smuggled')
      expect(answers.match(/HTTP\/1\.1 \d+/g)).to.deep.equal(['HTTP/1.1 400'])
      expect(answers).to.include('Connection: close')
    })
  }

  for (const [what, bytes] of Object.entries(clear)) {
    it(`is data in ${what}, and the next request is handled`, async () => {
      const answers = await answersTo(`${bytes}GET /next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
      expect(seen).to.deep.equal(['/outer', '/next'])
      expect(answers.match(/HTTP\/1\.1 \d+/g)).to.deep.equal(['HTTP/1.1 200', 'HTTP/1.1 200'])
    })
  }

  it('is data in a request that offers another protocol, and the next request is handled', async () => {
    const caller = send(post(`Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n${length}`, SMUGGLED))
    await once(caller, 'data')
    caller.write('GET /next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    await text(caller)
    expect(seen).to.deep.equal(['/outer', '/next'])
  })
})
