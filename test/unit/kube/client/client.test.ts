import { getEventListeners } from 'node:events'
import { expect } from 'chai'
import { KubeClient } from '../../../../src/kube/client/client.ts'
import { ApiError, LeaseLost, TooManyRequests, Unreachable } from '../../../../src/kube/client/errors.ts'
import type { RequestOutcome } from '../../../../src/kube/client/exchange.ts'
import type { ClientOptions } from '../../../../src/kube/client/requests.ts'
import { WriteDeadline, type WriteGuard } from '../../../../src/kube/election/write-guard.ts'
import { abortable, deferred, type Deferred } from '../../../../src/kube/runtime/signals.ts'
import { aConfigMap, configMaps, newConfigMap } from '../../../objects/config-maps.ts'
import { HandClock } from '../../../observe/clock.ts'
import { eventually } from '../../../observe/eventually.ts'
import { type TappedRequest, WireTap } from '../../../observe/wire-tap.ts'

const never = new AbortController().signal
const key = { namespace: 'ns', name: 'a' }
const stored = aConfigMap('a', 7)

describe('client', () => {
  let tap: WireTap
  const clients: KubeClient[] = []

  const clientWith = (options: Partial<ClientOptions> = {}): KubeClient => {
    const client = new KubeClient(tap.connection(), { userAgent: 'test', ...options })
    clients.push(client)
    return client
  }
  /** The nth request on the wire, from 0, when it is there. */
  const request = (n: number): Promise<TappedRequest> => eventually(() => tap.requests[n], { what: `request ${n}` })
  const outcomeOf = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error)

  beforeEach(async () => {
    tap = await WireTap.open()
  })

  afterEach(async () => {
    for (const made of tap.requests) made.answer(500, {})
    await Promise.all(clients.splice(0).map((client) => client.close()))
    await tap.close()
  })

  it('sends a DELETE without a body and with its options as query, and keeps its connection', async () => {
    const client = clientWith()
    for (let n = 0; n < 6; n += 1) {
      const deleted = client.delete(
        configMaps,
        key,
        { uid: 'u 1', propagationPolicy: 'Background', gracePeriodSeconds: 0 },
        never,
      )
      ;(await request(n)).answer(200, {})
      await deleted
    }
    const [first] = tap.requests
    expect(first?.url).to.equal(
      '/api/v1/namespaces/ns/configmaps/a?uid=u+1&propagationPolicy=Background&gracePeriodSeconds=0',
    )
    expect(first?.headers).to.not.have.any.keys('content-length', 'content-type', 'transfer-encoding')
    expect(first?.headers.connection).to.equal('keep-alive')
    expect(new Set(tap.requests.map(({ port }) => port)).size).to.be.at.most(2)
    expect(tap.requests.map(({ body }) => body).join('')).to.equal('')
  })

  it('sends its user agent and the accepted type, and requests neither compression nor HTTP/2', async () => {
    const got = clientWith({ userAgent: 'runnerhub/facade' }).get(configMaps, key, never)
    const { headers, answer } = await request(0)
    answer(200, stored)
    expect(await got).to.deep.equal(stored)
    expect(headers).to.include({ 'user-agent': 'runnerhub/facade', accept: 'application/json' })
    expect(headers).to.not.have.any.keys('accept-encoding', 'authorization')
    expect(tap.offers).to.deep.equal([['http/1.1']])
  })

  it('sends each write with its content type, apiVersion and kind', async () => {
    const client = clientWith()
    const calls = [
      client.create(configMaps, newConfigMap('ns', 'a'), never),
      client.dryRunCreate(configMaps, newConfigMap('ns', 'a'), never),
      client.replace(configMaps, stored, never),
      client.replaceStatus(configMaps, stored, never),
      client.patchJson(configMaps, key, [{ op: 'remove', path: '/data' }], never, 'status'),
      client.patchMerge(configMaps, key, { data: { b: null } }, never),
    ]
    await request(5)
    const lines = tap.requests.map(({ method, url, headers }) => `${method} ${url} ${headers['content-type']}`)
    const at = '/api/v1/namespaces/ns/configmaps'
    expect(lines).to.have.members([
      `POST ${at} application/json`,
      `POST ${at}?dryRun=All application/json`,
      `PUT ${at}/a application/json`,
      `PUT ${at}/a/status application/json`,
      `PATCH ${at}/a/status application/json-patch+json`,
      `PATCH ${at}/a application/merge-patch+json`,
    ])
    const put = tap.requests.find(({ url }) => url.endsWith('/status'))
    const { name, namespace, uid, resourceVersion } = stored.metadata
    const metadata = { name, namespace, uid, resourceVersion }
    expect(JSON.parse(put?.body ?? '')).to.deep.equal({ apiVersion: 'v1', kind: 'ConfigMap', metadata })
    for (const made of tap.requests) made.answer(200, stored)
    await Promise.all(calls)
  })

  it('has no more requests in flight than its limit, and starts the next as one ends', async () => {
    const client = clientWith({ maxInFlight: 2 })
    const calls = [1, 2, 3, 4, 5].map(() => client.get(configMaps, key, never))
    for (let n = 0; n < 5; n += 1) {
      const next = await request(n)
      await settled()
      expect(tap.requests.length).to.be.at.most(n + 2)
      next.answer(200, stored)
    }
    await Promise.all(calls)
    expect(new Set(tap.requests.map(({ port }) => port)).size).to.be.at.most(2)
  })

  it('lets watches and streams be open beyond the limit of requests', async () => {
    const client = clientWith({ maxInFlight: 1 })
    const streams = [1, 2, 3].map(() => client.stream('/log', {}, never))
    await request(2)
    const got = client.get(configMaps, key, never)
    ;(await request(3)).answer(200, stored)
    await got
    for (const { url, answer } of tap.requests) if (url === '/log') answer(200, {})
    await Promise.all(streams)
  })

  it('leaves no listener on a long-lived signal after a request', async () => {
    const long = new AbortController().signal
    const client = clientWith()
    const calls = [1, 2, 3].map(() => outcomeOf(client.get(configMaps, key, long)))
    await request(2)
    tap.requests.forEach(({ answer }, n) => answer(n === 0 ? 404 : 200, stored))
    await Promise.all(calls)
    expect(getEventListeners(long, 'abort')).to.have.length(0)
  })

  it('ends its streams at once when it is closed, and its requests after their response', async () => {
    const client = clientWith()
    const opening = client.stream('/log', {}, never)
    ;(await request(0)).begin()
    const stream = await opening
    const got = client.get(configMaps, key, never)
    const asked = await request(1)
    const closed = client.close()
    await eventually(() => stream.destroyed)
    asked.answer(200, stored)
    expect(await got).to.deep.equal(stored)
    await closed
    await client.close()
  })

  describe('with a signal', () => {
    const reason = new Error('no longer wanted')

    it('gives up a request that waits for a connection', async () => {
      tap.holdConnections()
      const stop = new AbortController()
      const outcome = outcomeOf(clientWith().get(configMaps, key, stop.signal))
      await eventually(() => tap.connecting === 1)
      stop.abort(reason)
      expect(await outcome).to.equal(reason)
      tap.letConnect()
    })

    it('gives up a request that waits for a slot, and one that waits for its response', async () => {
      const client = clientWith({ maxInFlight: 1 })
      const stop = new AbortController()
      const unanswered = outcomeOf(client.get(configMaps, key, stop.signal))
      const waiting = outcomeOf(client.get(configMaps, key, stop.signal))
      const first = await request(0)
      stop.abort(reason)
      expect(await Promise.all([unanswered, waiting])).to.deep.equal([reason, reason])
      await eventually(first.abandoned, { what: 'the connection to be closed' })
      expect(tap.requests).to.have.length(1)
    })

    it('disturbs no connection with a request that gave up before it had a slot', async () => {
      const client = clientWith({ maxInFlight: 1 })
      const stop = new AbortController()
      const first = client.get(configMaps, key, never)
      const impatient = outcomeOf(client.get(configMaps, key, stop.signal))
      const sent = await request(0)
      stop.abort(reason)
      await impatient
      const last = client.get(configMaps, key, never)
      sent.answer(200, stored)
      await first
      const next = await request(1)
      next.answer(200, stored)
      await last
      expect(next.port).to.equal(sent.port)
    })

    it('sends nothing when it is aborted already', async () => {
      expect(await outcomeOf(clientWith().get(configMaps, key, AbortSignal.abort(reason)))).to.equal(reason)
      expect(tap.requests).to.deep.equal([])
    })
  })

  describe('throttled', () => {
    const later = { kind: 'Status', code: 429, reason: 'TooManyRequests', message: 'too many requests' }

    it('retries a read after the delay, until its signal is aborted', async () => {
      const clock = new HandClock()
      const got = clientWith({ clock }).get(configMaps, key, never)
      for (let n = 0; n < 7; n += 1) {
        ;(await request(n)).answer(n % 2 === 0 ? 429 : 503, later, { 'retry-after': '3' })
        await eventually(() => clock.timers === 1)
        await clock.advance(2999)
        expect(tap.requests).to.have.length(n + 1)
        await clock.advance(1)
      }
      ;(await request(7)).answer(200, stored)
      expect(await got).to.deep.equal(stored)
    })

    it('holds no slot while it waits', async () => {
      const clock = new HandClock()
      const client = clientWith({ clock, maxInFlight: 1 })
      const stop = new AbortController()
      const patient = outcomeOf(client.get(configMaps, key, stop.signal))
      ;(await request(0)).answer(429, later, { 'retry-after': '30' })
      await eventually(() => clock.timers === 1)
      const got = client.get(configMaps, key, never)
      ;(await request(1)).answer(200, stored)
      await got
      stop.abort('enough')
      expect(await patient).to.equal('enough')
    })

    it('retries a write after a 429, which was not processed, a bounded number of times', async () => {
      const clock = new HandClock()
      const created = outcomeOf(clientWith({ clock }).create(configMaps, newConfigMap('ns', 'a'), never))
      for (let n = 0; n < 5; n += 1) {
        ;(await request(n)).answer(429, later, { 'retry-after': '1' })
        if (n < 4) await eventually(() => clock.timers === 1)
        await clock.advance(1000)
      }
      expect(await created)
        .to.be.instanceOf(TooManyRequests)
        .with.property('retryAfterMs', 1000)
      expect(tap.requests).to.have.length(5)
    })

    it('does not retry a write after a 503, which may have been processed', async () => {
      const created = outcomeOf(clientWith().create(configMaps, newConfigMap('ns', 'a'), never))
      ;(await request(0)).answer(503, later, { 'retry-after': '1' })
      expect(await created)
        .to.be.instanceOf(ApiError)
        .that.includes({ code: 503, retryAfterMs: 1000 })
    })

    it('does not retry a read without Retry-After', async () => {
      const got = outcomeOf(clientWith().get(configMaps, key, never))
      ;(await request(0)).answer(503, later)
      expect(await got)
        .to.be.instanceOf(ApiError)
        .with.property('retryAfterMs', undefined)
    })
  })

  describe('guarded', () => {
    class HandGuard implements WriteGuard {
      readonly #deadline = new AbortController()
      checks = 0
      lost = false
      readonly signal = this.#deadline.signal

      check(): void {
        this.checks += 1
        if (this.lost) throw new LeaseLost('lost')
      }

      passDeadline(): void {
        this.#deadline.abort(new LeaseLost('deadline'))
      }
    }

    it('does not write a request whose lease was lost while it connected', async () => {
      tap.holdConnections()
      const guard = new HandGuard()
      const client = clientWith()
      const created = outcomeOf(client.guarded(guard).create(configMaps, newConfigMap('ns', 'a'), never))
      await eventually(() => tap.connecting === 1)
      expect(guard.checks).to.equal(0)
      guard.lost = true
      tap.letConnect()
      expect(await created).to.be.instanceOf(LeaseLost)

      const got = client.get(configMaps, key, never) // unguarded, on the connection that was made
      ;(await request(0)).answer(200, stored)
      await got
      expect(tap.requests.map(({ method }) => method)).to.deep.equal(['GET'])
    })

    it('does not write a request whose lease was lost while it waited for a slot', async () => {
      const guard = new HandGuard()
      const client = clientWith({ maxInFlight: 1 }).guarded(guard)
      const first = client.create(configMaps, newConfigMap('ns', 'a'), never)
      const second = outcomeOf(client.create(configMaps, newConfigMap('ns', 'b'), never))
      const sent = await request(0)
      guard.lost = true
      sent.answer(201, stored)
      await first
      expect(await second).to.be.instanceOf(LeaseLost)
      expect(tap.requests).to.have.length(1)
    })

    it('aborts open requests at the deadline, and starts none after it', async () => {
      const guard = new HandGuard()
      const client = clientWith().guarded(guard)
      const created = outcomeOf(client.create(configMaps, newConfigMap('ns', 'a'), never))
      const sent = await request(0)
      guard.passDeadline()
      expect(await created).to.be.instanceOf(LeaseLost)
      await eventually(sent.abandoned, { what: 'the connection to be closed' })
      expect(await outcomeOf(client.create(configMaps, newConfigMap('ns', 'b'), never))).to.be.instanceOf(LeaseLost)
      expect(tap.requests).to.have.length(1)
    })

    it('sends a write once it is admitted, not otherwise, and a read without that', async () => {
      const admissions: Deferred<void>[] = []
      const admitted = (signal: AbortSignal): Promise<void> => {
        const admission = deferred<void>()
        admissions.push(admission)
        return abortable(admission.promise, signal)
      }
      const deadline = new WriteDeadline(new HandClock(), 60_000)
      const guard = { check: () => deadline.check(), signal: deadline.signal, admitted }
      const client = clientWith().guarded(guard)
      const gone = new AbortController()
      const given = outcomeOf(client.create(configMaps, newConfigMap('ns', 'given-up'), gone.signal))
      const created = client.create(configMaps, newConfigMap('ns', 'a'), never)
      const got = client.get(configMaps, key, never)
      ;(await request(0)).answer(200, stored)
      await got
      gone.abort(new LeaseLost('given up'))
      expect(await given).to.be.instanceOf(LeaseLost)
      expect(tap.requests.map(({ method }) => method)).to.deep.equal(['GET'])
      admissions[1]?.resolve()
      ;(await request(1)).answer(201, stored)
      await created
    })

    it('checks each attempt, and leaves the original client unguarded', async () => {
      const clock = new HandClock()
      const guard = new HandGuard()
      const client = clientWith({ clock })
      const created = outcomeOf(client.guarded(guard).create(configMaps, newConfigMap('ns', 'a'), never))
      ;(await request(0)).answer(429, {}, { 'retry-after': '1' })
      await eventually(() => clock.timers === 1)
      expect(guard.checks).to.equal(1)
      guard.lost = true
      await clock.advance(1000)
      expect(await created).to.be.instanceOf(LeaseLost)
      const got = client.get(configMaps, key, never)
      ;(await request(1)).answer(200, stored)
      await got
    })
  })

  it('reports verb, resource, status code and duration of every attempt, without names', async () => {
    const clock = new HandClock()
    const outcomes: RequestOutcome[] = []
    const client = clientWith({ clock, onRequest: (outcome) => outcomes.push(outcome) })
    const got = outcomeOf(client.get(configMaps, key, never))
    const made = await request(0)
    await clock.advance(1500)
    made.answer(404, { kind: 'Status', reason: 'NotFound' })
    await got
    await tap.close()
    expect(await outcomeOf(client.delete(configMaps, key, {}, never))).to.be.instanceOf(Unreachable)
    expect(outcomes).to.deep.equal([
      { verb: 'get', resource: 'configmaps', code: 404, seconds: 1.5 },
      { verb: 'delete', resource: 'configmaps', code: 0, seconds: 0 },
    ])
    tap = await WireTap.open()
  })

  it('treats a response of another kind as unreachable', async () => {
    const client = clientWith()
    const wrong: [body: unknown, headers?: Record<string, string>][] = [
      [{ kind: 'ConfigMap' }],
      ['<html>', { 'content-type': 'text/html' }],
      [null],
    ]
    for (const [n, [body, headers]] of wrong.entries()) {
      const got = outcomeOf(client.get(configMaps, key, never))
      ;(await request(n)).answer(200, body, headers)
      expect(await got).to.be.instanceOf(Unreachable)
    }
  })
})

/** Long enough for a request that should not be sent to arrive if it is: some turns of the event loop. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}
