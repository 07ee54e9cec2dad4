import { expect } from 'chai'
import { LEDGER_NAME } from '../../../../src/api/names.ts'
import { makeStores } from '../../../../src/cluster/caches.ts'
import { readLedger } from '../../../../src/controllers/totals/reconcile.ts'
import { StayingJobs } from '../../../../src/controllers/totals/staying.ts'
import {
  emptyLedger,
  formatLedger,
  MOST_LEAVING,
  nextLedger,
  roomBeside,
} from '../../../../src/domain/totals/ledger.ts'
import { RecordedLog } from '../../../documents/recorded-log.ts'
import { aJob, stamp } from '../../../objects/builders.ts'
import { HandClock } from '../../../observe/clock.ts'

describe('counted jobs whose deletion is refused', () => {
  /** As many counted jobs as may be counted before they are deleted, and one more job that is due. */
  function scene() {
    const stores = makeStores(new RecordedLog())
    const clock = new HandClock()
    const staying = new StayingJobs(clock)
    const uids = Array.from({ length: MOST_LEAVING }, (_, index) => `kept-${index}`)
    for (const uid of [...uids, 'due']) {
      const metadata = { name: uid, uid, resourceVersion: '5' }
      stores.jobs.upsert(aJob({ metadata, status: { phase: 'Completed', completedAt: stamp(1) } }))
    }
    stores.jobs.advance('9')
    const metadata = {
      name: LEDGER_NAME,
      namespace: 'ns',
      uid: 'ledger',
      resourceVersion: '4',
      creationTimestamp: stamp(0),
    }
    const object = { metadata, data: formatLedger({ ...emptyLedger, leaving: uids, asOf: '3' }) }
    const due = [...stores.jobs.list()].filter((job) => job.metadata.name === 'due')
    const read = () => {
      const result = readLedger(stores, object, due, (uid) => staying.isStuck(uid))
      if (result === undefined) throw new Error('not in step')
      staying.keepOnly(result.entries.present)
      return result
    }
    return { clock, read, staying }
  }

  it('leave room for others after a minute', async () => {
    const { clock, read } = scene()
    expect(roomBeside(read().entries), 'they may only have been counted just now').to.equal(0)
    await clock.advance(59_000)
    expect(roomBeside(read().entries)).to.equal(0)
    await clock.advance(1000)
    const { ledger, entries } = read()
    expect(roomBeside(entries)).to.equal(MOST_LEAVING)
    expect(nextLedger(ledger, entries)?.leaving)
      .to.have.length(MOST_LEAVING + 1)
      .and.include('due')
  })

  it('are known as long as they exist', async () => {
    const { clock, read, staying } = scene()
    read()
    staying.keepOnly([])
    await clock.advance(60_000)
    expect(roomBeside(read().entries)).to.equal(0)
  })
})
