import { expect } from 'chai'
import { PendingDeletions } from '../../../../src/controllers/totals/pending-deletions.ts'
import { ledgerReconciler } from '../../../../src/controllers/totals/reconcile.ts'
import { BATCH } from '../../../../src/domain/totals/pace.ts'
import { KubeClient } from '../../../../src/kube/client/client.ts'
import { asObject } from '../../../../src/kube/client/parse.ts'
import type { Result } from '../../../../src/kube/controller/controller.ts'
import { Workqueue } from '../../../../src/kube/queue/workqueue.ts'
import { aJob, stamp } from '../../../objects/builders.ts'
import { FilledCaches } from '../../../objects/stores.ts'
import { HandClock } from '../../../observe/clock.ts'
import { eventually } from '../../../observe/eventually.ts'
import { WireTap } from '../../../observe/wire-tap.ts'

describe('the deletion of many finished jobs', () => {
  let tap: WireTap
  let client: KubeClient

  beforeEach(async () => {
    tap = await WireTap.open()
    client = new KubeClient(tap.connection(), { userAgent: 'test' })
  })
  afterEach(async () => {
    await client.close()
    await tap.close()
  })

  it('begins with a batch, and goes on with the next one after a pause', async () => {
    const stores = await new FilledCaches().fill()
    const { caches, log } = stores
    await caches.ledgers.replaceAll([], '1')
    const clock = new HandClock()
    const queue = new Workqueue({ clock })
    const pendingDeletions = new PendingDeletions(queue)
    for (let index = 0; index < 2 * BATCH + 50; index += 1) {
      const [name, uid] = [`job-${index}`, `uid-${index}`]
      pendingDeletions.add(
        stores.putJob(aJob({ metadata: { name, uid }, status: { phase: 'Completed', completedAt: stamp(1) } })),
      )
    }
    const reconcile = ledgerReconciler({ client, caches, clock, log, pendingDeletions })

    /** The result of one reconcile, and the UIDs of the jobs that may be deleted after it. */
    async function pass(): Promise<{ result: Result; counted: number }> {
      const before = tap.requests.length
      const passing = reconcile('ns', { lane: 'urgent', signal: new AbortController().signal })
      let isOver = false
      void passing.catch(() => undefined).then(() => (isOver = true))
      await eventually(() => {
        for (const { body, answer } of tap.requests.slice(before)) answer(200, stored(body, 9000 + before))
        return isOver
      })
      return { result: await passing, counted: Number(caches.totals.ledger()?.totals.completed) }
    }

    expect(await pass()).to.deep.equal({ counted: BATCH, result: { requeueAfterMs: 1000 } })
    expect(pendingDeletions.due()).to.have.length(BATCH + 50)
    expect(queue.depthOf('deferred'), 'deletions at once').to.equal(1)
    clock.jump(400)
    expect(queue.depthOf('deferred'), 'deletions after 400 ms').to.equal(41)
    expect(await pass(), 'too early').to.deep.equal({ counted: BATCH, result: { requeueAfterMs: 600 } })
    clock.jump(600)
    expect((await pass()).counted).to.equal(2 * BATCH)
  })
})

/** The written object as the API server returns it. */
function stored(body: string, version: number): object {
  const object = asObject(JSON.parse(body))
  const assigned = { uid: 'ledger', creationTimestamp: stamp(0), resourceVersion: String(version) }
  return { ...object, metadata: { ...asObject(object['metadata']), ...assigned } }
}
