import { createHash } from 'node:crypto'
import { API_VERSION, DELEGATION_BODY_ANNOTATION, DELEGATION_KEY_ANNOTATION } from '../../api/names.ts'
import type { NewObject } from '../../api/object.ts'
import { type NewRunnerJobSpec, type RunnerJob, runnerJobDefaults, runnerJobs } from '../../api/runner-job.ts'
import { isFinished } from '../../domain/job/phases.ts'
import { delegatedAt } from '../../domain/job/status.ts'
import { AlreadyExists, NotFound } from '../../kube/client/errors.ts'
import { abortable, deferred } from '../../kube/runtime/signals.ts'
import type { FacadeDeps } from '../context.ts'
import { DeletedDelegations } from './deleted-delegations.ts'
import { HttpError } from '../http-error.ts'
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

/** Each turn either ends or meets one more job that others created in this very moment. */
const MAX_ATTEMPTS = 20

/**
 * Makes the RunnerJob of a delegation, or finds the one that an earlier, identical call made. The name is derived from
 * the delegation's key and its newest job so far, also of one that was deleted a moment ago: of any number of concurrent
 * calls, on any replica, one creates it.
 */
export class Delegator {
  readonly #parts: FacadeDeps
  /** Keys for which a call of this replica asks the API server; others wait for what it finds. */
  readonly #asking = new Map<string, Promise<void>>()
  readonly #deleted: DeletedDelegations

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
    const delegated = this.#known(key) ?? (await this.#inTurn(identity, delegation.spec, signal))
    const was = delegated.job.metadata.annotations?.[DELEGATION_BODY_ANNOTATION]
    if (body !== undefined && was !== body) {
      throw new HttpError(409, 'IdempotencyKeyReused', 'Idempotency-Key was used before, for another body')
    }
    return delegated
  }

  /** The job that this replica knows to be meant. */
  #known(key: string): Delegated | undefined {
    const newest = newestOf(this.#parts.caches.jobs.byIndex('delegation', key))
    return newest !== undefined && isSame(this.#parts, newest) ? { job: newest, replayed: true } : undefined
  }

  async #inTurn(identity: DelegationKey, spec: NewRunnerJobSpec, signal: AbortSignal): Promise<Delegated> {
    const { key } = identity
    for (let other = this.#asking.get(key); other !== undefined; other = this.#asking.get(key)) {
      await abortable(other, signal)
      const known = this.#known(key)
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
    const known = caches.jobs.byIndex('delegation', identity.key)
    let newest = newestOf(known)
    // A new job's name derives from this one.
    let last = newestOf([...known, ...this.#deleted.of(identity.key)])
    for (let turn = 0; turn < MAX_ATTEMPTS; turn++) {
      if (newest !== undefined && isSame(this.#parts, newest)) return { job: newest, replayed: true }
      const name = uuidOf(`${identity.key}/${last?.metadata.uid ?? ''}`)
      try {
        const job = await client.create(runnerJobs, newJob(this.#parts, name, identity, spec), signal)
        caches.jobs.applyOwn(job)
        return { job, replayed: false }
      } catch (error) {
        if (!(error instanceof AlreadyExists)) throw error
        newest = (await find(this.#parts, name, signal)) ?? newest
        last = newest ?? last
      }
    }
    throw new Error('too many concurrent delegations of the same job')
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

/** Whether a repeated delegation means this job: it is not over, or began only a moment ago. */
function isSame({ clock, idempotencyWindowMs }: FacadeDeps, job: RunnerJob): boolean {
  if (job.metadata.deletionTimestamp !== undefined) return false
  return !isFinished(job) || clock.now().getTime() - Date.parse(delegatedAt(job)) < idempotencyWindowMs
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
