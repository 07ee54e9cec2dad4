import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import { KubeClient } from '../../../src/kube/client/client.ts'
import { Unreachable } from '../../../src/kube/client/errors.ts'
import { ANSWER_MS } from '../../../src/kube/client/transport.ts'
import { configMaps } from '../../objects/config-maps.ts'
import { eventually } from '../../observe/eventually.ts'
import { WireTap } from '../../observe/wire-tap.ts'

const never = new AbortController().signal

describe('a server that does not respond', () => {
  it('gets more time than an admission webhook may take, and less than the request timeout of the server', () => {
    expect(ANSWER_MS).to.be.within(31_000, 59_000)
  })

  it('times out a request, but no stream, neither before its headers nor within its body', async () => {
    const tap = await WireTap.open()
    const client = new KubeClient(tap.connection(), { userAgent: 'test', answerMs: 1000 })
    try {
      const headless = client.stream('/log/not-begun', {}, never)
      const begun = client.stream('/log/begun', {}, never)
      const asked = await eventually(() => tap.requests.find(({ url }) => url === '/log/begun'))
      asked.begin()
      const stream = await begun
      const lost = await client.get(configMaps, { namespace: 'ns', name: 'a' }, never).catch((error: unknown) => error)
      expect(lost).to.be.instanceOf(Unreachable)

      expect(stream.destroyed).to.equal(false)
      tap.requests.find(({ url }) => url === '/log/not-begun')?.answer(200, 'at last')
      expect(await text(await headless)).to.equal('"at last"')
    } finally {
      await client.close()
      await tap.close()
    }
  })
})
