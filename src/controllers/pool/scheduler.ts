import { POOL_LABEL } from '../../api/names.ts'
import { controllerUid, keyOf } from '../../api/object.ts'
import type { Pod } from '../../api/pod.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import type { RunnerPool } from '../../api/runner-pool.ts'
import type { Runner } from '../../api/runner.ts'
import { type Caches, jobOf, podOf, runnerOf } from '../../cluster/caches.ts'
import { isFinished } from '../../domain/job/phases.ts'
import { delegatedAt } from '../../domain/job/status.ts'
import type { Admission } from '../../domain/job/view.ts'
import { choosePool, type NoPool } from '../../domain/pool/choice.ts'
import { occupiesSlot } from '../../domain/pool/slots.ts'
import { WaitingLine } from '../../domain/pool/waiting-line.ts'
import { runnerKeyAt } from '../../domain/runner/keys.ts'
import { PoolSlots } from './slot-counts.ts'

export interface SchedulerOptions {
  caches: Caches
  /** Called when a job may have its Runner now, or when its waiting reason has changed. */
  wake: (jobKey: string) => void
  /** Maximum number of Runners that start at a time; others follow as pods appear. */
  startWindow?: number
}

/** Each pool has 1/SHARES of the start window to itself. */
const SHARES = 16

/**
 * Decides which job gets a Runner next: per pool oldest first, within maxRunners. All of its state derives from the
 * caches, except which jobs were admitted and have no Runner yet.
 */
export class Scheduler {
  readonly #caches: Caches
  readonly #wake: (jobKey: string) => void
  readonly #startWindow: number
  readonly #slots = new PoolSlots()
  readonly #lines = new Map<string, WaitingLine>()
  readonly #lineOf = new Map<string, string>()
  readonly #unplaced = new Map<string, NoPool>()
  readonly #admitted = new Map<string, string>()
  readonly #admittedTo = new Map<string, number>()
  /** Pools with free slots whose jobs wait for the start window. */
  readonly #heldUp = new Set<string>()

  constructor(options: SchedulerOptions) {
    this.#caches = options.caches
    this.#wake = options.wake
    this.#startWindow = options.startWindow ?? 128
  }

  /** The pool that a job was admitted to. */
  poolOf(jobKey: string): RunnerPool | undefined {
    const poolKey = this.#admitted.get(jobKey)
    return poolKey === undefined ? undefined : this.#caches.pools.get(poolKey)
  }

  /** Whether the job may have a Runner, will soon have one, or what it waits for. */
  admissionOf(jobKey: string): Admission {
    if (this.#admitted.has(jobKey)) return { is: 'admitted' }
    const noPool = this.#unplaced.get(jobKey)
    if (noPool !== undefined) return { is: 'waiting', ...noPool }
    const poolKey = this.#lineOf.get(jobKey)
    if (poolKey !== undefined && this.#hasSlotFor(jobKey, poolKey))
      return { is: 'next', message: 'the Runner will be created after those of earlier jobs' }
    const pool = poolKey === undefined ? undefined : this.#caches.pools.get(poolKey)
    const name = pool?.metadata.name ?? 'a pool'
    // The message omits the limit: a change of it would cost a write for each waiting job.
    return { is: 'waiting', reason: 'PoolFull', message: `waiting for a free slot in RunnerPool ${name}` }
  }

  /** Reads everything from the caches. */
  begin(): void {
    for (const runner of this.#caches.runners.list()) this.#recount(keyOf(runner))
    for (const pod of this.#caches.pods.list()) this.#recount(keyOf(pod))
    for (const job of this.#caches.jobs.list()) this.#review(keyOf(job))
    this.#advanceAll()
  }

  jobChanged(jobKey: string): void {
    const job = this.#caches.jobs.get(jobKey)
    this.#review(jobKey)
    if (job === undefined || isFinished(job) || job.status.reported !== undefined) this.#recount(runnerKeyAt(jobKey))
    this.#advanceAll()
  }

  /** A Runner or its pod (both have the same name) was created, changed or deleted; `jobKey` is that of its job. */
  runnerChanged(runnerKey: string, jobKey: string | undefined): void {
    this.#recount(runnerKey)
    if (jobKey !== undefined) this.#review(jobKey)
    this.#advanceAll()
  }

  /** Queues all jobs without a Runner again, including admitted ones: their pool may be gone or smaller. */
  poolsChanged(): void {
    for (const jobKey of [...this.#admitted.keys(), ...this.#lineOf.keys(), ...this.#unplaced.keys()]) {
      this.#leave(jobKey)
      this.#review(jobKey)
      this.#wake(jobKey)
    }
    this.#advanceAll()
  }

  /** Adds one job to a waiting line if it waits for a Runner, and removes it if not. */
  #review(jobKey: string): void {
    const job = this.#caches.jobs.get(jobKey)
    if (job === undefined || !this.#waits(job)) this.#leave(jobKey)
    else if (!this.#lineOf.has(jobKey) && !this.#admitted.has(jobKey)) this.#place(jobKey, job)
  }

  #waits(job: RunnerJob): boolean {
    const { metadata, spec, status } = job
    if (metadata.deletionTimestamp !== undefined || spec.cancel || isFinished(job)) return false
    if (status.reported !== undefined) return false
    return (
      status.runnerRef === undefined &&
      runnerOf(this.#caches, job) === undefined &&
      podOf(this.#caches, job) === undefined
    )
  }

  #place(jobKey: string, job: RunnerJob): void {
    this.#unplaced.delete(jobKey)
    const choice = choosePool(job, this.#caches.pools.list())
    if (choice.pool === undefined) {
      const { reason, message } = choice
      this.#unplaced.set(jobKey, { reason, message })
      return
    }
    const poolKey = keyOf(choice.pool)
    const line = this.#lines.get(poolKey) ?? new WaitingLine()
    this.#lines.set(poolKey, line)
    line.add({ key: jobKey, delegatedMs: Date.parse(delegatedAt(job)) })
    this.#lineOf.set(jobKey, poolKey)
  }

  #leave(jobKey: string): void {
    this.#unplaced.delete(jobKey)
    const poolKey = this.#lineOf.get(jobKey)
    if (poolKey !== undefined) this.#lines.get(poolKey)?.remove(jobKey)
    this.#lineOf.delete(jobKey)
    const admittedTo = this.#admitted.get(jobKey)
    if (admittedTo === undefined) return
    this.#admitted.delete(jobKey)
    this.#admittedTo.set(admittedTo, (this.#admittedTo.get(admittedTo) ?? 1) - 1)
  }

  /** Updates the slot of one Runner. */
  #recount(runnerKey: string): void {
    const known = this.#caches.runners.get(runnerKey)
    const runner = known?.spec.type === 'Ephemeral' ? known : undefined
    const pod = this.#caches.pods.get(runnerKey)
    const object = runner ?? pod
    const poolName = runner?.spec.poolName ?? (pod && this.#poolNameOf(pod))
    // A pod may be refused for now for hours: its Runner keeps its slot, but does not keep other Runners from starting.
    const started = pod !== undefined || runner?.status.reason !== undefined
    if (object !== undefined && poolName !== undefined && this.#occupies(runner, pod)) {
      this.#slots.occupy(runnerKey, `${object.metadata.namespace ?? ''}/${poolName}`, started)
    } else {
      this.#slots.release(runnerKey)
    }
  }

  /** The Runner may have been deleted before this process started. Then the pod's label decides, only for this count. */
  #poolNameOf(pod: Pod): string | undefined {
    return this.#caches.podRunners.of(pod)?.spec.poolName ?? pod.metadata.labels?.[POOL_LABEL]
  }

  #occupies(runner: Runner | undefined, pod: Pod | undefined): boolean {
    const { podStates } = this.#caches
    // The pod of an earlier Runner of this name also holds its slot until it is terminal.
    const podOccupies = occupiesSlot(undefined, undefined, podStates.of(pod))
    if (runner === undefined || podOccupies) return podOccupies
    const own = jobOf(this.#caches, runner)
    const isOfRunner = pod !== undefined && controllerUid(pod) === runner.metadata.uid
    return occupiesSlot(runner, own, podStates.of(isOfRunner ? pod : undefined))
  }

  /** Pools take turns, so that a long line does not use up the start window. */
  #advanceAll(): void {
    // An entry that is added again at the end of a Map is visited once more.
    for (const [poolKey, line] of this.#lines) {
      if (!this.#admitNext(poolKey, line) && line.size > 0) continue
      this.#lines.delete(poolKey)
      if (line.size > 0) this.#lines.set(poolKey, line)
    }
  }

  /** Whether the job waits only for the start window. */
  #hasSlotFor(jobKey: string, poolKey: string): boolean {
    const before = this.#lines.get(poolKey)?.before(jobKey)
    return before !== undefined && before < this.#freeSlots(poolKey)
  }

  #freeSlots(poolKey: string): number {
    const limit = this.#caches.pools.get(poolKey)?.spec.maxRunners ?? 0
    return limit - this.#slots.count(poolKey) - (this.#admittedTo.get(poolKey) ?? 0)
  }

  /** Each pool may start a few Runners, however many other pools are starting: only the others' creates may hang. */
  #isWindowFull(poolKey: string): boolean {
    if (this.#admitted.size + this.#slots.startingCount < this.#startWindow) return false
    const own = (this.#admittedTo.get(poolKey) ?? 0) + this.#slots.podlessOf(poolKey)
    return own >= Math.floor(this.#startWindow / SHARES)
  }

  /** Admits the first job in line, if there is a slot. */
  #admitNext(poolKey: string, line: WaitingLine): boolean {
    if (this.#freeSlots(poolKey) <= 0) {
      this.#close(poolKey, line)
      return false
    }
    if (this.#isWindowFull(poolKey)) {
      this.#heldUp.add(poolKey)
      return false
    }
    const jobKey = line.shift()
    if (jobKey === undefined) return false
    this.#lineOf.delete(jobKey)
    this.#admitted.set(jobKey, poolKey)
    this.#admittedTo.set(poolKey, (this.#admittedTo.get(poolKey) ?? 0) + 1)
    this.#wake(jobKey)
    return true
  }

  /** The pool is full. Wakes the jobs that were next in line, since their waiting reason has changed. */
  #close(poolKey: string, line: WaitingLine): void {
    if (this.#heldUp.delete(poolKey)) for (const jobKey of line.keys()) this.#wake(jobKey)
  }
}
