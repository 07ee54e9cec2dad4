import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { expect } from 'chai'
import { eventually } from '../../../observe/eventually.ts'
import type { Operator } from '../../../processes/operator.ts'
import { answersIn, call, sendRaw } from '../../../site/calls/call.ts'
import { openSite, type Site, TOKEN } from '../../../site/site.ts'

const good = JSON.stringify({ jobId: '1', runId: '1', repository: 'owner/repo' })
const head = (length: number, more = '') =>
  `POST /api/jobs/delegate HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\n` +
  `Content-Type: application/json\r\nContent-Length: ${length}\r\n${more}\r\n`

describe('clients that behave badly', function () {
  this.timeout('60s')
  let site: Site
  let operator: Operator
  const sockets: Socket[] = []

  before(async () => {
    site = await openSite()
    await site.createPool('default')
    operator = await site.operator({ env: { HEADERS_TIMEOUT_SECONDS: '3' } })
  })
  afterEach('the operator lives and serves others', async () => {
    // A process whose event loop is late refuses calls for a moment, and asks to be called again.
    const answer = await eventually(
      async () => {
        const { status } = await call(`${operator.url}/api/jobs/delegate`, { method: 'POST', body: good })
        return status !== 503 && { status }
      },
      { withinMs: 20_000, everyMs: 2000, what: 'others to be served' },
    )
    expect(answer.status, operator.tail()).to.equal(201)
    expect(operator.isRunning).to.equal(true)
  })
  after(async () => {
    for (const socket of sockets) socket.destroy()
    await site.close()
  })

  async function open(): Promise<Socket> {
    const socket = connect(Number(new URL(operator.url).port), '127.0.0.1')
    socket.on('error', () => {}) // being cut off is what some of these expect
    sockets.push(socket)
    await once(socket, 'connect')
    return socket
  }

  it('that disconnect within a body', async () => {
    for (let round = 0; round < 50; round += 1) {
      const socket = await open()
      socket.write(`${head(1000)}{"jobId":`)
      if (round % 2 === 0) socket.resetAndDestroy()
      else socket.destroy()
    }
  })

  it('that disconnect before their response', async () => {
    for (let round = 0; round < 50; round += 1) {
      const socket = await open()
      socket.write(`${head(good.length)}${good}`, () => socket.resetAndDestroy())
    }
  })

  it('that never send what they announced, hundreds of them', async () => {
    const idle = Array.from({ length: 300 }, async () => (await open()).write(`${head(1000)}{`))
    await Promise.all(idle)
    const answer = await call(`${operator.url}/livez`, { headers: {}, withinMs: 10_000 })
    expect(answer.status, 'for somebody else').to.equal(200)
  })

  it('that send their headers a letter at a time: they are cut off', async () => {
    const socket = await open()
    const closed = once(socket, 'close')
    socket.resume()
    const text = head(10)
    let sent = 0
    const begun = performance.now()
    const timer = setInterval(() => socket.write(text.charAt(sent++)), 200)
    await closed
    clearInterval(timer)
    expect(sent, 'letters before the end').to.be.below(text.length)
    expect(performance.now() - begun, 'milliseconds').to.be.below(13_000)
  })

  it('that do not read their responses', async () => {
    const socket = await open()
    socket.pause()
    const ask = `GET /api/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`
    const before = await operator.memoryMiB()
    for (let round = 0; round < 2000; round += 1) socket.write(ask)
    await call(`${operator.url}/api/jobs`)
    expect((await operator.memoryMiB()) - before, 'MiB').to.be.below(200)
  })

  const nonsense: Record<string, string> = {
    'no HTTP at all': '\u0016\u0003\u0001\u0002 hello\r\n\r\n',
    'two lengths': `${head(2, 'Content-Length: 3\r\n')}{}`,
    'a length and chunks': `${head(2, 'Transfer-Encoding: chunked\r\n')}{}`,
    'a negative length': `${head(-1)}{}`,
    'a space before the colon': `GET /health HTTP/1.1\r\nHost : x\r\n\r\n`,
    'a line break in a header': `GET /health HTTP/1.1\r\nHost: x\r\nX: a\nb\r\n\r\n`,
    'no host': 'GET /health HTTP/1.1\r\n\r\n',
    'HTTP/9.9': 'GET /health HTTP/9.9\r\nHost: x\r\n\r\n',
    'a header of 20 KiB': `GET /health HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_480)}\r\n\r\n`,
    'a bad chunk': `POST /api/jobs/delegate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n`,
  }
  for (const [name, bytes] of Object.entries(nonsense)) {
    it(`that send ${name} get a 4xx and no more`, async () => {
      const answers = await sendRaw(operator.url, bytes)
      expect(answers).to.have.length(1)
      expect(answers[0].status).to.be.within(400, 499)
    })
  }

  it('that smuggle a second request in the first', async () => {
    const inner = `GET /api/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`
    const chunked = `POST /api/jobs/delegate HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n`
    const answers = await sendRaw(operator.url, `${chunked}0\r\n\r\n${inner}`)
    for (const { text } of answers) expect(text).to.not.include('"success":true')
  })

  it('that keep their connection alive may do so longer than proxies do', async () => {
    const { headers } = await call(`${operator.url}/livez`, { headers: {} })
    const seconds = Number(/timeout=(\d+)/.exec(headers.get('keep-alive') ?? '')?.[1])
    expect(seconds).to.be.above(60)
  })

  it('that pipeline two requests get both responses, in order', async () => {
    const first = `GET /livez HTTP/1.1\r\nHost: x\r\n\r\n`
    const second = `GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`
    const answers = await sendRaw(operator.url, first + second, { method: 'GET', url: `${operator.url}/livez` })
    expect(answers.map(({ status }) => status)).to.deep.equal([200, 404])
  })

  it('that wait for 100 Continue get it before they send their body', async () => {
    const socket = await open()
    socket.write(head(good.length, 'Expect: 100-continue\r\nConnection: close\r\n'))
    const received: unknown[] = await once(socket, 'data')
    expect(String(received[0])).to.equal('HTTP/1.1 100 Continue\r\n\r\n')
    socket.write(good)
    const [answer] = answersIn((await buffer(socket)).toString(), {
      method: 'POST',
      url: `${operator.url}/api/jobs/delegate`,
    })
    expect(answer.status, answer.text).to.equal(201)
  })
})
