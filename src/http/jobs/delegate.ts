import { createHash } from 'node:crypto'
import { API_VERSION, DELEGATION_BODY_ANNOTATION, DELEGATION_KEY_ANNOTATION } from '../../api/names.ts'
import type { NewObject } from '../../api/object.ts'
import { type NewRunnerJobSpec, type RunnerJob, runnerJobDefaults, runnerJobs } from '../../api/runner-job.ts'
import { delegatedAt } from '../../domain/job/status.ts'
import { isRepeat } from '../../domain/job/repeat.ts'
import { AlreadyExists, NotFound } from '../../kube/client/errors.ts'
import { abortable, deferred } from '../../kube/runtime/signals.ts'
import type { FacadeDeps } from '../context.ts'
import { DeletedDelegations } from './deleted-delegations.ts'
import { HttpError } from '../http-error.ts'
import { NextRead } from './next-read.ts'
import { type Delegation, type DelegationKey, keyOfDelegation } from './delegation-key.ts'

/** Namespace of our name-based UUIDs: an arbitrary constant that must never change. */
const NAMESPACE = Buffer.from('9a1f8a3e5b7c4d0c8e6f2b4a6c8d0e1f', 'hex')

/** Name-based UUID, version 5 (RFC 9562, section 5.5): the same name always gives the same id. */
export function uuidOf(name: string): string {
  const bytes = createHash('sha1').update(NAMESPACE).update(name).digest().subarray(0, 16)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

export interface Delegated {
  job: RunnerJob
  /** It existed before this call. */
  replayed: boolean
}

/** Each turn either ends or meets one more job that this replica's cache does not have yet. */
const MAX_ATTEMPTS = 20

/** How long the API server may take to show one job. */
const READ_MS = 10_000

/**
 * Makes the RunnerJob of a delegation, or finds the one that an earlier, identical call made. The name is derived from
 * the delegation's key and its newest job so far, also of one that was deleted a moment ago: of any number of concurrent
 * calls, on any replica, one creates it. The cache never decides that a job is meant again, since it may lag behind its end.
 */
export class Delegator {
  readonly #parts: FacadeDeps
  /** Keys for which a call of this replica asks the API server; others wait for what it finds. */
  readonly #asking = new Map<string, Promise<void>>()
  readonly #deleted: DeletedDelegations
  readonly #reads = new NextRead<RunnerJob | undefined>()

  constructor(deps: FacadeDeps) {
    this.#parts = deps
    this.#deleted = new DeletedDelegations(deps.caches.jobs, deps.clock)
  }

  /**
   * 409 where the key has been used for something else. The caches must be filled, as they are behind `fromCaches`: others
   * would take an old delegation for a new one.
   */
  async delegate(delegation: Delegation, signal: AbortSignal): Promise<Delegated> {
    const identity = keyOfDelegation(delegation)
    const { key, body } = identity
    const delegated = (await this.#known(key, signal)) ?? (await this.#inTurn(identity, delegation.spec, signal))
    const was = delegated.job.metadata.annotations?.[DELEGATION_BODY_ANNOTATION]
    if (body !== undefined && was !== body) {
      throw new HttpError(409, 'IdempotencyKeyReused', 'Idempotency-Key was used before, for another body')
    }
    return delegated
  }

  /** The job that this replica knows, where the API server shows that it is the one that is meant. */
  async #known(key: string, signal: AbortSignal): Promise<Delegated | undefined> {
    const newest = newestOf(this.#parts.caches.jobs.byIndex('delegation', key))
    if (newest === undefined || !this.#isMeant(newest)) return undefined
    return this.#meant(await this.#find(newest.metadata.name, signal))
  }

  #meant(job: RunnerJob | undefined): Delegated | undefined {
    return job !== undefined && this.#isMeant(job) ? { job, replayed: true } : undefined
  }

  #isMeant(job: RunnerJob): boolean {
    const { clock, idempotencyWindowMs } = this.#parts
    return isRepeat(job, { nowMs: clock.now().getTime(), namedWindowMs: idempotencyWindowMs })
  }

  /** The job of this name as it is now. */
  #find(name: string, signal: AbortSignal): Promise<RunnerJob | undefined> {
    const read = this.#reads.get(name, () => find(this.#parts, name, AbortSignal.timeout(READ_MS)))
    return abortable(read, signal)
  }

  async #inTurn(identity: DelegationKey, spec: NewRunnerJobSpec, signal: AbortSignal): Promise<Delegated> {
    const { key } = identity
    for (let other = this.#asking.get(key); other !== undefined; other = this.#asking.get(key)) {
      await abortable(other, signal)
      const known = await this.#known(key, signal)
      if (known !== undefined) return known
    }
    const done = deferred<void>()
    this.#asking.set(key, done.promise)
    try {
      return await this.#ask(identity, spec, signal)
    } finally {
      this.#asking.delete(key)
      done.resolve()
    }
  }

  async #ask(identity: DelegationKey, spec: NewRunnerJobSpec, signal: AbortSignal): Promise<Delegated> {
    const { client, caches } = this.#parts
    // A new job's name derives from this one.
    let last = newestOf([...caches.jobs.byIndex('delegation', identity.key), ...this.#deleted.of(identity.key)])
    for (let turn = 0; turn < MAX_ATTEMPTS; turn++) {
      const name = uuidOf(`${identity.key}/${last?.metadata.uid ?? ''}`)
      try {
        const job = await client.create(runnerJobs, newJob(this.#parts, name, identity, spec), signal)
        caches.jobs.applyOwn(job)
        return { job, replayed: false }
      } catch (error) {
        if (!(error instanceof AlreadyExists)) throw error
        const found = await this.#find(name, signal)
        const meant = this.#meant(found)
        if (meant !== undefined) return meant
        last = found ?? last
      }
    }
    throw new HttpError(503, 'Busy', 'this job is being delegated by many others, try again', { 'Retry-After': '1' })
  }
}

function newestOf(jobs: readonly RunnerJob[]): RunnerJob | undefined {
  return jobs.reduce<RunnerJob | undefined>(
    (newest, job) => (newest === undefined || isNewer(job, newest) ? job : newest),
    undefined,
  )
}

/** By time, however it is written; a text of another precision or offset sorts elsewhere. */
function isNewer(job: RunnerJob, other: RunnerJob): boolean {
  const laterMs = Date.parse(delegatedAt(job)) - Date.parse(delegatedAt(other))
  return laterMs === 0 ? job.metadata.name > other.metadata.name : laterMs > 0
}

async function find(deps: FacadeDeps, name: string, signal: AbortSignal): Promise<RunnerJob | undefined> {
  try {
    const job = await deps.client.get(runnerJobs, { namespace: deps.namespace, name }, signal)
    deps.caches.jobs.applyOwn(job)
    return job
  } catch (error) {
    if (error instanceof NotFound) return undefined
    throw error
  }
}

function newJob(
  { namespace, clock }: FacadeDeps,
  name: string,
  { key, body }: DelegationKey,
  spec: NewRunnerJobSpec,
): NewObject<RunnerJob> {
  const annotations = {
    [DELEGATION_KEY_ANNOTATION]: key,
    ...(body !== undefined && { [DELEGATION_BODY_ANNOTATION]: body }),
  }
  return {
    apiVersion: API_VERSION,
    kind: 'RunnerJob',
    metadata: { name, namespace, annotations },
    spec: { ...runnerJobDefaults, ...spec, delegatedAt: clock.now().toISOString() },
  }
}
