import { isDeepStrictEqual } from 'node:util'
import { expect } from 'chai'
import { WebSocket } from 'ws'
import { makeAccount, tokenOf, unbind } from '../../site/accounts.ts'
import { openSite, type Site, TOKEN } from '../../site/site.ts'
import { type Listener, rawListener, socketIoListener } from './listener.ts'

const MOST = 3
const LEAVING = ['leaving-1', 'leaving-2', 'leaving-3']

describe('realtime connections', function () {
  this.timeout('60s')
  let site: Site
  let url: string
  const tokens: Record<string, string> = {}
  let listeners: Listener[] = []

  before(async () => {
    site = await openSite()
    await makeAccount(site, 'nothing')
    for (const kind of ['proxy', 'viewer']) await makeAccount(site, kind, `runnerhub-${kind}`)
    for (const name of [...LEAVING, 'greedy']) await makeAccount(site, name, 'runnerhub-viewer')
    for (const name of ['nothing', 'proxy', 'viewer', 'greedy', ...LEAVING]) tokens[name] = await tokenOf(site, name)
    const env = {
      AUTH_CACHE_SECONDS: '0',
      REAUTHORISE_SECONDS: '1',
      REALTIME_MAX_PER_CALLER: String(MOST),
      RATE_LIMIT_MAX: '20',
    }
    url = (await site.operator({ env })).realtimeUrl
  })
  afterEach(() => {
    for (const listener of listeners) listener.close()
    listeners = []
  })
  after(() => site.close())

  async function both(user: string): Promise<Listener[]> {
    const token = tokens[user] ?? ''
    const opened = [await rawListener(url, { token }), await socketIoListener(url, { token, transport: 'websocket' })]
    listeners.push(...opened)
    return opened
  }

  /** The code that a connection is closed with. */
  async function endOf(listener: Listener): Promise<number> {
    const ended: number[] = []
    void listener.closed.then((code) => ended.push(code))
    await site.until(`${listener.name} to be closed`, () => ended.length > 0)
    return ended[0] ?? 0
  }

  const refusal = (opening: Promise<unknown>) => opening.then(() => 'opened', String)

  it('require permission to watch jobs', async () => {
    const token = tokens['nothing'] ?? ''
    expect(await refusal(rawListener(url, { token }))).to.include('403')
    expect(await refusal(socketIoListener(url, { token, transport: 'polling' }))).to.include('permission to watch')
    expect(await refusal(rawListener(url, { token: 'none' }))).to.include('401')
    expect(await refusal(rawListener(url, {}))).to.include('401')
    expect(await both('proxy')).to.have.length(2)
  })

  it('may subscribe to all repositories only if their caller may list jobs', async () => {
    const errors = ({ received }: Listener) => received.filter(({ event }) => event === 'error').map(({ data }) => data)
    const [proxy] = await both('proxy')
    const [viewer] = await both('viewer')
    if (proxy === undefined || viewer === undefined) throw new Error('no listener')
    for (const listener of [proxy, viewer]) await listener.send('subscribe:repository', { all: true })
    expect(errors(viewer)).to.deep.equal([])
    expect(errors(proxy)).to.deep.equal([
      { error: 'subscribing to all repositories requires permission to list runnerjobs' },
    ])
  })

  it('end with 1008 when their permission is revoked, and no others do', async () => {
    /** How connections end after their caller is unbound, and whether another one stays open. */
    async function endUnbound(user: string): Promise<object> {
      const [raw, io] = await both(user)
      if (raw === undefined || io === undefined) throw new Error('no listener')
      const other = await rawListener(url, { token: tokens['viewer'] ?? '' })
      listeners.push(other)
      await unbind(site, user)
      const code = await endOf(raw)
      await endOf(io)
      const isAnswered = other.send('subscribe:repository', 'owner/still-there').then(() => true)
      const isOtherOpen = await Promise.race([other.closed.then(() => false), isAnswered])
      return { code, message: io.received.at(-1), isOtherOpen }
    }
    const message = { event: 'error', data: { error: 'no longer allowed' } }
    const expected = { code: 1008, message, isOtherOpen: true }
    const ends: object[] = []
    // A review that times out ends any connection with 1013: then try the next user.
    while (ends.length < LEAVING.length && !isDeepStrictEqual(ends.at(-1), expected)) {
      ends.push(await endUnbound(LEAVING[ends.length] ?? ''))
    }
    expect(ends.at(-1)).to.deep.equal(expected)
  })

  it('are limited per caller, and refused with 1013 and a reason beyond the limit', async () => {
    const token = tokens['greedy'] ?? ''
    await both('greedy')
    listeners.push(await rawListener(url, { token }))
    const more = await rawListener(url, { token })
    expect(await endOf(more)).to.equal(1013)
    const io = socketIoListener(url, { token, transport: 'websocket' })
    expect(await refusal(io)).to.include('too many connections of this caller')
    expect(await both('proxy'), 'another caller').to.have.length(2)
    listeners[0]?.close()
    await site.until('room for a connection', async () => {
      const next = await rawListener(url, { token })
      listeners.push(next)
      return Promise.race([next.closed.then(() => false), next.send('unsubscribe:repository', 'a/b').then(() => true)])
    })
  })

  it('are limited for unknown tokens from one address', async () => {
    const answers: string[] = []
    for (let tried = 0; tried <= 20; tried++) answers.push(await refusal(rawListener(url, { token: `guess-${tried}` })))
    expect(answers[0]).to.include('401')
    expect(answers.at(-1)).to.include('429')
  })

  describe('without a token, if so configured', () => {
    before(async () => {
      url = (await site.operator({ identity: 'open', env: { REALTIME_ANONYMOUS: 'true' } })).realtimeUrl
    })

    /** The status code of a handshake. */
    function handshake(headers: Record<string, string>): Promise<number> {
      const socket = new WebSocket(url, { headers })
      return new Promise((resolve) => {
        socket.on('error', () => {})
        socket.on('open', () => {
          socket.terminate()
          resolve(101)
        })
        socket.on('unexpected-response', (request, { statusCode = 0 }) => {
          request.destroy()
          resolve(statusCode)
        })
      })
    }

    it('are open to programs and to pages of this host, but not to other pages', async () => {
      expect(await handshake({}), 'no Origin').to.equal(101)
      expect(await handshake({ origin: 'http://localhost:3000' })).to.equal(101)
      expect(await handshake({ origin: 'http://10.1.2.3:3000', host: '10.1.2.3:3001' })).to.equal(101)
      const rebound = { origin: 'http://evil.example:3001', host: 'evil.example:3001' }
      expect(await handshake(rebound), 'a foreign name that resolves to this host').to.equal(403)
      expect(await handshake({ origin: 'https://evil.example' })).to.equal(403)
      expect(await handshake({ origin: 'null' })).to.equal(403)
      const authorization = `Bearer ${TOKEN}`
      expect(await handshake({ origin: 'https://evil.example', authorization }), 'with a token').to.equal(101)
    })

    it('are closed to other pages by Socket.IO, too', async () => {
      const base = url.replace('ws:', 'http:')
      const connect = async (headers: Record<string, string>): Promise<string> => {
        const poll = `${base}/socket.io/?EIO=4&transport=polling`
        const opened = await (await fetch(poll, { headers })).text()
        const [, sid = ''] = /"sid":"([^"]+)"/.exec(opened) ?? []
        await fetch(`${poll}&sid=${sid}`, { method: 'POST', headers, body: '40' })
        return (await fetch(`${poll}&sid=${sid}`, { headers })).text()
      }
      expect(await connect({})).to.match(/^40\{"sid"/)
      expect(await connect({ origin: 'https://evil.example' })).to.match(/^44\{"message"/)
    })
  })
})
