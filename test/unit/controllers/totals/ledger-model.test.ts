import { expect } from 'chai'
import { array, assert, asyncProperty, nat, tuple } from 'fast-check'
import type { ConfigMap } from '../../../../src/api/config-map.ts'
import { LEDGER_NAME } from '../../../../src/api/names.ts'
import type { RunnerJob } from '../../../../src/api/runner-job.ts'
import { makeStores } from '../../../../src/cluster/caches.ts'
import { PendingDeletions } from '../../../../src/controllers/totals/pending-deletions.ts'
import { readLedger } from '../../../../src/controllers/totals/reconcile.ts'
import { formatLedger, nextLedger } from '../../../../src/domain/totals/ledger.ts'
import { Workqueue } from '../../../../src/kube/queue/workqueue.ts'
import { RecordedLog } from '../../../documents/recorded-log.ts'
import { aJob, stamp } from '../../../objects/builders.ts'
import { HandClock } from '../../../observe/clock.ts'

/** The changes of one kind of object, in the order of versions. */
type History<T> = { version: number; object: T; isGone: boolean }[]

/** The API server: it stores, deletes, and rejects writes based on an old version. */
class Cluster {
  readonly jobs: History<RunnerJob> = []
  readonly ledgers: History<ConfigMap> = []
  readonly live = new Map<string, RunnerJob>()
  ledger: ConfigMap | undefined
  finished = 0
  #version = 10

  get version(): number {
    return this.#version
  }

  finish(): void {
    const name = `job-${this.finished}`
    this.finished += 1
    const metadata = { name, uid: name, resourceVersion: String(this.#next()) }
    const job = aJob({ metadata, status: { phase: 'Completed', startedAt: stamp(0), completedAt: stamp(20) } })
    this.live.set(name, job)
    this.jobs.push({ version: this.version, object: job, isGone: false })
  }

  /** Deletes a job that another finalizer holds: it still exists until another delete. */
  hold(job: RunnerJob): void {
    if (!this.live.has(job.metadata.name)) return
    const metadata = { ...job.metadata, resourceVersion: String(this.#next()), deletionTimestamp: stamp(30) }
    const held = { ...job, metadata }
    this.live.set(job.metadata.name, held)
    this.jobs.push({ version: this.version, object: held, isGone: false })
  }

  delete(job: RunnerJob): void {
    if (!this.live.delete(job.metadata.name)) return
    const metadata = { ...job.metadata, resourceVersion: String(this.#next()) }
    this.jobs.push({ version: this.version, object: { ...job, metadata }, isGone: true })
  }

  /** Whether the write was accepted: not if it is based on another version. */
  write(was: ConfigMap | undefined, data: Record<string, string>): boolean {
    if (was?.metadata.resourceVersion !== this.ledger?.metadata.resourceVersion) return false
    const rest = { namespace: 'ns', uid: 'ledger', creationTimestamp: stamp(0) }
    this.ledger = { metadata: { name: LEDGER_NAME, resourceVersion: String(this.#next()), ...rest }, data }
    this.ledgers.push({ version: this.version, object: this.ledger, isGone: false })
    return true
  }

  #next(): number {
    this.#version += 1
    return this.#version
  }
}

/** A process whose two watches may be late by any time, and which leads until another process does. */
class Replica {
  readonly #cluster: Cluster
  readonly #stores = makeStores(new RecordedLog())
  /** State of its current term. */
  #retirement = new PendingDeletions(new Workqueue({ clock: new HandClock() }))
  #jobsSeen = 0
  #ledgersSeen = 0
  /** A write that is prepared but not sent. */
  #late: (() => void) | undefined

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  get total(): number | undefined {
    return this.#stores.totals.read()?.completed
  }

  async listJobs(): Promise<void> {
    const { live, version, jobs } = this.#cluster
    this.#jobsSeen = jobs.length
    await this.#stores.jobs.replaceAll([...live.values()], String(version))
  }

  async listLedgers(): Promise<void> {
    const { ledger, version, ledgers } = this.#cluster
    this.#ledgersSeen = ledgers.length
    await this.#stores.ledgers.replaceAll(ledger === undefined ? [] : [ledger], String(version))
  }

  watchJobs(count: number): void {
    for (const { version, object, isGone } of this.#cluster.jobs.slice(this.#jobsSeen, this.#jobsSeen + count)) {
      this.#stores.jobs[isGone ? 'remove' : 'upsert'](object)
      this.#stores.jobs.advance(String(version))
      this.#jobsSeen += 1
    }
  }

  watchLedgers(count: number): void {
    for (const { version, object } of this.#cluster.ledgers.slice(this.#ledgersSeen, this.#ledgersSeen + count)) {
      this.#stores.ledgers.upsert(object)
      this.#stores.ledgers.advance(String(version))
      this.#ledgersSeen += 1
    }
  }

  watchAll(): void {
    this.watchJobs(Infinity)
    this.watchLedgers(Infinity)
  }

  /** Counts up to this many jobs to be deleted, like the leader. */
  keepLedger(most: number, answer: 'received' | 'lost' | 'late'): void {
    const object = this.#stores.ledgers.get(`ns/${LEDGER_NAME}`)
    const due = [...this.#stores.jobs.list()].slice(0, most)
    const read = readLedger(this.#stores, object, due)
    if (read === undefined) return
    const next = nextLedger(read.ledger, { ...read.entries, departed: this.#gone(read.entries.departed) })
    if (next === undefined) return
    const data = formatLedger(next)
    if (answer === 'late') this.#late = () => void this.#cluster.write(object, data)
    else this.#cluster.write(object, data)
    if (answer === 'received' && this.#cluster.ledger !== undefined) this.#stores.ledgers.applyOwn(this.#cluster.ledger)
  }

  /** The jobs that the API server confirms to be gone. */
  #gone(departed: readonly RunnerJob[]): RunnerJob[] {
    return departed.filter(({ metadata }) => !this.#cluster.live.has(metadata.name))
  }

  /** It becomes leader: its jobs are as fresh as its term, its ledger is as late as before. */
  async lead(): Promise<void> {
    this.#retirement = new PendingDeletions(new Workqueue({ clock: new HandClock() }))
    await this.listJobs()
  }

  /** Reconciles each finished job at its TTL, and the ledger. Nothing reads the totals. */
  retireJobs(): void {
    const { jobs, totals, ledgers } = this.#stores
    for (const job of jobs.list()) {
      if (totals.counts(job)) this.#cluster.delete(job)
      else this.#retirement.add(job)
    }
    const object = ledgers.get(`ns/${LEDGER_NAME}`)
    const read = readLedger(this.#stores, object, this.#retirement.due())
    const next = read && nextLedger(read.ledger, { ...read.entries, departed: this.#gone(read.entries.departed) })
    if (next !== undefined) {
      this.#cluster.write(object, formatLedger(next))
      if (this.#cluster.ledger !== undefined) ledgers.applyOwn(this.#cluster.ledger)
    }
    if (read !== undefined) {
      this.#retirement.drop((job) => totals.counts(job) || jobs.indexSize('uid', job.metadata.uid) === 0)
    }
  }

  /** A write in flight arrives, maybe long after the end of its term. */
  sendLate(): void {
    this.#late?.()
    this.#late = undefined
  }

  /** Deletes up to this many of the jobs that it knows to be counted. */
  deleteCounted(most: number): void {
    const counted = [...this.#stores.jobs.list()].filter((job) => this.#stores.totals.counts(job))
    for (const [index, job] of counted.slice(0, most).entries()) this.#cluster[index % 3 === 2 ? 'hold' : 'delete'](job)
  }
}

async function start(cluster: Cluster): Promise<Replica> {
  const replica = new Replica(cluster)
  await replica.listJobs()
  await replica.listLedgers()
  return replica
}

type Step = readonly [what: number, who: number, count: number]

const kinds = [
  'finish',
  'watch jobs',
  'watch ledgers',
  'list jobs',
  'list ledgers',
  'keep',
  'delete',
  'change',
] as const

class World {
  readonly cluster = new Cluster()
  readonly replicas: Replica[] = []
  readonly mayKill: boolean
  leader = 0

  constructor({ mayKill }: { mayKill: boolean }) {
    this.mayKill = mayKill
  }

  async take([what, who, count]: Step): Promise<void> {
    const replica = this.replicas[who % this.replicas.length]
    const leader = this.replicas[this.leader]
    if (replica === undefined || leader === undefined) throw new Error('no replica')
    const kind = kinds[what % kinds.length]
    if (kind === 'finish') for (let index = 0; index <= count; index += 1) this.cluster.finish()
    if (kind === 'watch jobs') replica.watchJobs(count)
    if (kind === 'watch ledgers') replica.watchLedgers(count)
    if (kind === 'list jobs') await replica.listJobs()
    if (kind === 'list ledgers') await replica.listLedgers()
    if (kind === 'keep')
      leader.keepLedger(1 + count, (['received', 'received', 'lost', 'late'] as const)[who % 4] ?? 'received')
    if (kind === 'delete') leader.deleteCounted(count)
    if (kind === 'change') await this.#change(who, count)
  }

  /** Another process leads; the old one may be killed, or its prepared write may arrive now. */
  async #change(who: number, count: number): Promise<void> {
    const old = this.leader
    this.leader = who % this.replicas.length
    if (count % 3 === 0) this.replicas[old]?.sendLate()
    else if (this.mayKill && count % 3 === 1) this.replicas[old] = await start(this.cluster)
    // Like a new leader, it relists the jobs.
    await this.replicas[this.leader]?.listJobs()
  }

  /** Deletes jobs by hand that every replica has seen finished. */
  deleteByHand(count: number): void {
    for (const replica of this.replicas) replica.watchJobs(Infinity)
    for (const job of [...this.cluster.live.values()].slice(0, count)) this.cluster.delete(job)
  }

  check(): void {
    for (const { total } of this.replicas) {
      if (total !== undefined) expect(total, 'a job was counted twice').to.be.at.most(this.cluster.finished)
    }
  }

  /** A new process leads. One cache may be filled long before the other. */
  async restart({ ledgerFirst }: { ledgerFirst: boolean }): Promise<Replica> {
    const replica = new Replica(this.cluster)
    if (ledgerFirst) await replica.listLedgers()
    await replica.lead()
    if (!ledgerFirst) await replica.listLedgers()
    return replica
  }

  /** Completes everything in flight: then all processes must agree, including a new one. */
  async settle(): Promise<void> {
    for (const replica of this.replicas) replica.sendLate()
    for (const replica of this.replicas) replica.watchAll()
    this.replicas[this.leader]?.keepLedger(0, 'received')
    for (const replica of this.replicas) replica.watchAll()
    const totals = [...this.replicas, await start(this.cluster)].map(({ total }) => total)
    expect(totals).to.deep.equal(totals.map(() => this.cluster.finished))
  }
}

const steps = array(tuple(nat(7), nat(11), nat(5)), { maxLength: 80, size: 'max' })

async function run(world: World, script: readonly Step[], act?: (world: World, step: Step) => void): Promise<void> {
  for (let index = 0; index < 3; index += 1) world.replicas.push(await start(world.cluster))
  for (const step of script) {
    await world.take(step)
    act?.(world, step)
    world.check()
  }
  await world.settle()
}

/** Turns that a leader needs: to see its last write, to count the due jobs, to delete them, to see them gone. */
const TURNS = 6

/** Runs the script without reading the totals, and lets a leader delete all finished jobs. */
async function retireAll(script: readonly Step[], leader: 'stays' | 'restarts' | 'restarts, ledger first') {
  const world = new World({ mayKill: true })
  for (let index = 0; index < 3; index += 1) world.replicas.push(await start(world.cluster))
  for (const step of script) {
    await world.take(step)
    if (step[1] % 3 === 0) world.replicas[world.leader]?.retireJobs()
  }
  for (const replica of world.replicas) replica.sendLate()
  const last =
    leader === 'stays'
      ? world.replicas[world.leader]
      : await world.restart({ ledgerFirst: leader === 'restarts, ledger first' })
  if (leader === 'stays') await last?.lead()
  for (let turn = 0; turn < TURNS; turn += 1) {
    last?.retireJobs()
    last?.watchAll()
  }
  expect([...world.cluster.live.keys()], 'jobs that were not deleted').to.deep.equal([])
  expect((await start(world.cluster)).total).to.equal(world.cluster.finished)
}

describe('the ledger, with three replicas whose watches are late and whose writes get lost', () => {
  it('counts every job that it deletes once, whichever process is killed when', async () => {
    const property = asyncProperty(steps, (script) => run(new World({ mayKill: true }), script))
    await assert(property, { numRuns: 300 })
  })

  it('counts every job that others delete once, whichever process leads', async () => {
    const byHand = (world: World, [what, who, count]: Step): void => {
      if (what === 0 && who % 2 === 0) world.deleteByHand(count)
    }
    const property = asyncProperty(steps, (script) => run(new World({ mayKill: false }), script, byHand))
    await assert(property, { numRuns: 300 })
  })

  for (const leader of ['stays', 'restarts', 'restarts, ledger first'] as const) {
    it(`lets a leader that ${leader} delete every finished job, even if no totals are read`, async () => {
      await assert(
        asyncProperty(steps, (script) => retireAll(script, leader)),
        { numRuns: 300 },
      )
    })
  }
})
