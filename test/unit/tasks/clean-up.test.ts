import { expect } from 'chai'
import { pino } from 'pino'
import { OUTCOME_FINALIZER } from '../../../src/api/names.ts'
import { KubeClient } from '../../../src/kube/client/client.ts'
import { cleanUp } from '../../../src/tasks/clean-up.ts'
import { HandClock } from '../../observe/clock.ts'
import { eventually } from '../../observe/eventually.ts'
import { type TappedRequest, WireTap } from '../../observe/wire-tap.ts'

/** A pod on a dead node: its deletion never ends. */
const goingPod = { deletionTimestamp: '2026-01-01T00:00:00Z', resourceVersion: '1', namespace: 'ns' }

/** An API server with two pages of pods that stay. Released pods are in `released`. */
function answerTo({ method, url }: TappedRequest, released: Set<string>): [status: number, body: unknown] {
  const { pathname, searchParams } = new URL(url, 'https://api')
  if (!pathname.includes('/pods')) return method === 'DELETE' ? [200, {}] : [404, { code: 404, reason: 'NotFound' }]
  if (method === 'DELETE') return [200, {}]
  const podOf = (name: string) => ({
    metadata: { ...goingPod, name, ...(!released.has(name) && { finalizers: [OUTCOME_FINALIZER] }) },
  })
  if (method === 'PATCH') {
    const name = pathname.split('/').at(-1) ?? ''
    released.add(name)
    return [200, podOf(name)]
  }
  const isSecond = searchParams.get('continue') === 'second'
  const metadata = { resourceVersion: '1', ...(!isSecond && { continue: 'second' }) }
  return [200, { metadata, items: [podOf(isSecond ? 'behind' : 'first')] }]
}

describe('cleaning up', () => {
  it('releases the pods of later pages, too, while those of the first page stay', async () => {
    const tap = await WireTap.open()
    const client = new KubeClient(tap.connection(), { userAgent: 'test' })
    try {
      const clock = new HandClock()
      const released = new Set<string>()
      const options = {
        client,
        clock,
        log: pino({ enabled: false }),
        namespace: 'ns',
        deployment: 'hub',
        leaseName: 'hub',
      }
      let isDone = false
      const cleaned = cleanUp(options, AbortSignal.timeout(9000)).then(() => (isDone = true))
      let answered = 0
      await eventually(
        async () => {
          for (const request of tap.requests.slice(answered)) request.answer(...answerTo(request, released))
          answered = tap.requests.length
          if (clock.timers > 0) await clock.advance(5000)
          return isDone
        },
        { what: 'the end of it', withinMs: 8000, everyMs: 1 },
      )
      await cleaned
      expect([...released].sort()).to.deep.equal(['behind', 'first'])
    } finally {
      await client.close()
      await tap.close()
    }
  })
})
