import { expect } from 'chai'
import { HttpError } from '../../../../src/http/http-error.ts'
import { heartbeat } from '../../../../src/http/runners/heartbeat.ts'
import { KubeClient } from '../../../../src/kube/client/client.ts'
import { facadeParts } from '../../../objects/facade-deps.ts'
import { aLease, aProxy } from '../../../objects/builders.ts'
import { FilledCaches } from '../../../objects/stores.ts'
import { HandClock } from '../../../observe/clock.ts'
import { eventually } from '../../../observe/eventually.ts'
import { WireTap } from '../../../observe/wire-tap.ts'

describe('a heartbeat that gives a proxy runner other labels', () => {
  it('is 503 after five conflicts in a row', async () => {
    const tap = await WireTap.open()
    const client = new KubeClient(tap.connection(), { userAgent: 'test' })
    try {
      const stores = new FilledCaches()
      const proxy = stores.putRunner(aProxy())
      stores.putLease(aLease(proxy, 0))
      const parts = facadeParts({ client, caches: stores.caches, clock: new HandClock() })
      const facts = { displayName: 'proxy-1', labels: ['new'] }
      const result = heartbeat(parts, facts, new AbortController().signal).catch((error: unknown) => error)
      const conflict = { kind: 'Status', status: 'Failure', code: 409, reason: 'Conflict', message: 'changed' }
      for (let n = 0; n < 9; n += 1) {
        const request = await eventually(() => tap.requests[n], { what: `request ${n}` })
        if (request.method === 'PUT') request.answer(409, conflict)
        else request.answer(200, proxy)
      }
      const error = await result
      expect(error).to.be.instanceOf(HttpError)
      expect(String(error)).to.include('try again shortly')
      expect(tap.requests.map(({ method }) => method).join(' ')).to.equal('PUT GET PUT GET PUT GET PUT GET PUT')
    } finally {
      await client.close()
      await tap.close()
    }
  })
})
