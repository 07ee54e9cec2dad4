import { expect } from 'chai'
import type { ConfigMap } from '../../../src/api/config-map.ts'
import { LEDGER_NAME } from '../../../src/api/names.ts'
import { keyOf } from '../../../src/api/object.ts'
import type { RunnerJob } from '../../../src/api/runner-job.ts'
import { makeStores } from '../../../src/cluster/caches.ts'
import { emptyLedger, formatLedger, type Ledger } from '../../../src/domain/totals/ledger.ts'
import { noJobs, plus, shareOf, type Totals } from '../../../src/domain/totals/totals.ts'
import { RecordedLog } from '../../documents/recorded-log.ts'
import { aJob, stamp } from '../../objects/builders.ts'

/** A replica's two caches, each of which sees the changes of the cluster at any time. */
class Replica {
  readonly log = new RecordedLog()
  readonly #stores = makeStores(this.log)

  async holding(jobs: RunnerJob[], version: number, ledgerVersion = version): Promise<this> {
    await this.#stores.jobs.replaceAll(jobs, String(version))
    await this.#stores.ledgers.replaceAll([...this.#stores.ledgers.list()], String(ledgerVersion))
    return this
  }

  sees(job: RunnerJob): void {
    this.#stores.jobs.upsert(job)
    this.#stores.jobs.advance(job.metadata.resourceVersion)
  }

  seesGone(job: RunnerJob, version: number): void {
    this.#stores.jobs.remove({ ...job, metadata: { ...job.metadata, resourceVersion: String(version) } })
    this.#stores.jobs.advance(String(version))
  }

  async relists(jobs: RunnerJob[], version: number): Promise<void> {
    await this.#stores.jobs.replaceAll(jobs, String(version))
  }

  seesLedger(version: number, ledger: Partial<Ledger>): void {
    const data = formatLedger({ ...emptyLedger, ...ledger })
    this.#stores.ledgers.upsert(configMap(version, data))
  }

  seesData(version: number, data: Record<string, string>): void {
    this.#stores.ledgers.upsert(configMap(version, data))
  }

  seesLedgerGone(version: number): void {
    this.#stores.ledgers.remove(configMap(version, {}))
  }

  /** Completed jobs, as exported. */
  get completed(): number | undefined {
    return this.#stores.totals.read()?.completed
  }

  get all(): Totals | undefined {
    return this.#stores.totals.read()
  }

  counts(job: RunnerJob): boolean {
    return this.#stores.totals.counts(job)
  }

  get departed(): string[] {
    return this.#stores.totals.departed().map(({ job }) => keyOf(job))
  }
}

function configMap(version: number, data: Record<string, string>): ConfigMap {
  const rest = { uid: 'ledger', namespace: 'ns', creationTimestamp: stamp(0) }
  return { metadata: { name: LEDGER_NAME, resourceVersion: String(version), ...rest }, data }
}

function completed(name: string, version: number, ranSeconds = 5): RunnerJob {
  const status = { phase: 'Completed', startedAt: stamp(0), completedAt: stamp(ranSeconds) } as const
  return aJob({ metadata: { name, resourceVersion: String(version) }, status })
}

const share = shareOf(completed('any', 1))

describe('the totals of jobs', () => {
  const [a, b] = [completed('a', 11), completed('b', 12)]

  it('are undefined before the caches are filled', async () => {
    const replica = new Replica()
    replica.sees(a)
    expect(replica.completed).to.equal(undefined)
    await replica.holding([a], 20)
    expect(replica.completed).to.equal(1)
  })

  it('count a job when it ends, once, however often it changes', async () => {
    const replica = await new Replica().holding([], 10)
    replica.sees(aJob({ metadata: { name: 'a', resourceVersion: '11' }, status: { phase: 'Running' } }))
    expect(replica.completed).to.equal(0)
    replica.sees(completed('a', 12))
    replica.sees(completed('a', 13))
    expect(replica.completed).to.equal(1)
    await replica.relists([completed('a', 13)], 20)
    expect(replica.all).to.deep.equal(share)
  })

  it('stay the same while the ledger counts a job, and it is deleted and dropped there', async () => {
    const replica = await new Replica().holding([a, b], 20)
    replica.seesLedger(21, { totals: share, leaving: ['a-uid'], asOf: '20' })
    expect(replica.all).to.deep.equal(plus(share, share))
    replica.seesGone(a, 22)
    expect(replica.all).to.deep.equal(plus(share, share))
    replica.seesLedger(23, { totals: plus(share, share), leaving: ['b-uid'], gone: ['a-uid'], asOf: '22' })
    replica.seesGone(b, 24)
    expect(replica.all).to.deep.equal(plus(share, share))
    expect(replica.departed).to.deep.equal([])
  })

  it('stay the same if the ledger is seen late', async () => {
    const replica = await new Replica().holding([a], 20)
    replica.seesGone(a, 22)
    expect(replica.completed).to.equal(1)
    replica.seesLedger(21, { totals: share, leaving: ['a-uid'], asOf: '20' })
    expect(replica.completed).to.equal(1)
    expect(replica.departed).to.deep.equal([])
  })

  it('stay the same if the jobs are seen late, and a ledger in between was missed', async () => {
    const replica = await new Replica().holding([a, b], 20)
    // At 21 the ledger counted a, at 22 it was deleted, at 23 the ledger counted b and dropped a.
    replica.seesLedger(23, { totals: plus(share, share), leaving: ['b-uid'], gone: ['a-uid'], asOf: '22' })
    expect(replica.completed, 'before the deletion is seen').to.equal(2)
    replica.seesGone(a, 22)
    expect(replica.completed, 'after it').to.equal(2)
    expect(replica.departed).to.deep.equal([])
  })

  it('keep a job that was deleted by hand until the ledger counts it', async () => {
    const replica = await new Replica().holding([a, b], 20)
    replica.seesGone(a, 21)
    expect(replica.completed).to.equal(2)
    expect(replica.departed).to.deep.equal(['ns/a'])
    replica.seesLedger(22, { totals: share, gone: ['a-uid'], asOf: '21' })
    expect(replica.completed).to.equal(2)
    expect(replica.departed).to.deep.equal([])
  })

  it('keep a job that was deleted between two lists', async () => {
    const replica = await new Replica().holding([a, b], 20)
    await replica.relists([b], 30)
    expect(replica.completed).to.equal(2)
    replica.seesLedger(31, { totals: share, gone: ['a-uid'], asOf: '25' })
    expect(replica.completed).to.equal(2)
    expect(replica.departed).to.deep.equal([])
  })

  it('keep a job that was deleted between two lists if a ledger of that time does not name it', async () => {
    const replica = await new Replica().holding([a, b], 20)
    await replica.relists([b], 30)
    replica.seesLedger(31, { totals: noJobs, asOf: '25' })
    expect(replica.completed).to.equal(2)
    expect(replica.departed).to.deep.equal(['ns/a'])
  })

  it('trust a ledger that has dropped the names of so many jobs', async () => {
    const replica = await new Replica().holding([a, b], 20)
    replica.seesGone(a, 21)
    replica.seesLedger(31, { totals: share, goneSince: '25', asOf: '21' })
    expect(replica.completed).to.equal(2)
    expect(replica.departed).to.deep.equal([])
  })

  it('do not expect later deletions in an earlier ledger', async () => {
    const replica = await new Replica().holding([a, b], 20)
    replica.seesGone(a, 30)
    replica.seesLedger(26, { totals: noJobs, asOf: '20' })
    expect(replica.completed).to.equal(2)
    expect(replica.departed).to.deep.equal(['ns/a'])
  })

  it('count a job once that a list had missed', async () => {
    const replica = await new Replica().holding([a, b], 20)
    await replica.relists([b], 30)
    await replica.relists([completed('a', 31), b], 32)
    expect(replica.completed).to.equal(2)
    expect(replica.departed).to.deep.equal([])
  })

  it('do not miss a job whose name another job has now', async () => {
    const replica = await new Replica().holding([a], 20)
    replica.sees({ ...completed('a', 25), metadata: { ...a.metadata, uid: 'another', resourceVersion: '25' } })
    expect(replica.completed).to.equal(2)
  })

  it('do not count a job that is deleted before its end', async () => {
    const running = aJob({ metadata: { name: 'a', resourceVersion: '11' }, status: { phase: 'Running' } })
    const replica = await new Replica().holding([running], 20)
    replica.seesGone(running, 21)
    expect(replica.completed).to.equal(0)
    expect(replica.departed).to.deep.equal([])
  })

  it('wait for the jobs if a new process sees a newer ledger first', async () => {
    const replica = new Replica()
    replica.seesLedger(31, { totals: plus(share, share), gone: ['a-uid'], asOf: '30' })
    await replica.holding([a], 20, 31)
    expect(replica.completed).to.equal(undefined)
    replica.seesGone(a, 30)
    expect(replica.completed).to.equal(2)
  })

  it('allow the deletion of a counted job, though the ledger came before the jobs and no totals were read', async () => {
    const replica = new Replica()
    replica.seesLedger(21, { totals: share, leaving: ['a-uid'], asOf: '20' })
    await replica.holding([a], 20, 21)
    expect(replica.counts(a)).to.equal(true)
    expect(replica.completed).to.equal(1)
  })

  it('do not count a job again that is deleted before the ledger that counts it was read', async () => {
    const replica = new Replica()
    replica.seesLedger(21, { totals: share, leaving: ['a-uid'], asOf: '20' })
    await replica.holding([a], 20, 21)
    replica.seesGone(a, 22)
    expect(replica.departed).to.deep.equal([])
    expect(replica.completed).to.equal(1)
  })

  it('outlive the deletion of the ledger, and a ledger that cannot be read', async () => {
    const replica = await new Replica().holding([a], 20)
    replica.seesLedger(21, { totals: share, asOf: '20' })
    expect(replica.completed).to.equal(2)
    replica.seesData(22, { completed: 'none' })
    expect(replica.completed).to.equal(2)
    expect(replica.log.lines.map(({ message }) => message)).to.deep.equal(['the ledger of job totals cannot be read'])
    replica.seesLedgerGone(23)
    expect(replica.completed).to.equal(2)
  })

  it('are undefined in a new process that cannot read the ledger', async () => {
    const replica = new Replica()
    replica.seesData(19, { completed: 'none' })
    await replica.holding([a], 20)
    expect(replica.completed).to.equal(undefined)
    replica.seesLedger(21, { totals: share, asOf: '20' })
    expect(replica.completed).to.equal(2)
  })

  it('never decrease, whatever the ledger contains', async () => {
    const replica = await new Replica().holding([a], 20)
    replica.seesLedger(21, { totals: share, asOf: '20' })
    expect(replica.completed).to.equal(2)
    replica.seesLedger(22, { totals: noJobs, asOf: '20' })
    expect(replica.completed).to.equal(2)
    replica.sees(b)
    replica.sees(completed('c', 23))
    expect(replica.completed).to.equal(3)
  })

  it('are computed though the ledger comes from another cluster’s history', async () => {
    const replica = await new Replica().holding([a], 20)
    replica.seesLedger(21, { totals: share, asOf: '99999' })
    expect(replica.completed).to.equal(2)
  })
})
