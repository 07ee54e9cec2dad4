import { createHash } from 'node:crypto'
import {
  API_VERSION,
  DELEGATED_BY_ANNOTATION,
  DELEGATION_BODY_ANNOTATION,
  DELEGATION_KEY_ANNOTATION,
} from '../../api/names.ts'
import type { NewObject } from '../../api/object.ts'
import { type NewRunnerJobSpec, type RunnerJob, runnerJobDefaults, runnerJobs } from '../../api/runner-job.ts'
import { delegatedAt } from '../../domain/job/status.ts'
import { isInScope, type JobScope, ownerOf } from '../../domain/job/ownership.ts'
import { isFinished } from '../../domain/job/phases.ts'
import { isRepeat } from '../../domain/job/repeat.ts'
import { AlreadyExists, Conflict } from '../../kube/client/errors.ts'
import { abortable, deferred } from '../../kube/runtime/signals.ts'
import type { FacadeDeps } from '../context.ts'
import { clusterUnavailable } from '../errors-to-http.ts'
import { DeletedDelegations } from './deleted-delegations.ts'
import { HttpError } from '../http-error.ts'
import { type Message, storeMessage } from '../hand-over/message-store.ts'
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

/** Each attempt either ends or finds one more job that this replica's cache lacks. */
const MAX_ATTEMPTS = 20

/** The body was parsed: it has no field for the API server to find that the kind does not have. */
const asParsed = { fieldValidation: 'Ignore' } as const

/** Timeout of reading one job from the API server. */
const READ_MS = 10_000

/**
 * Creates the RunnerJob of a delegation, or finds the one of an earlier, identical call. The name derives from the
 * delegation's key and its newest job so far, even if that was deleted a moment ago: of any number of concurrent calls,
 * on any replica, one creates it. The cache alone never decides that a call is a repeat, since it may lag behind the job's
 * end. Jobs that the caller may not use have their place among those of the key, and are passed over: otherwise one proxy
 * could delegate a job first that another is about to delegate, and give it another message.
 */
export class Delegator {
  readonly #deps: FacadeDeps
  /** Keys for which a call of this replica is creating a job; other calls wait for its result. */
  readonly #pending = new Map<string, Promise<void>>()
  readonly #deleted: DeletedDelegations
  readonly #reads = new NextRead<RunnerJob | undefined>()

  constructor(deps: FacadeDeps) {
    this.#deps = deps
    this.#deleted = new DeletedDelegations(deps.caches.jobs, deps.clock)
  }

  /**
   * 409 if the key was used for something else. The caches must have synced, as behind `syncedCaches`: otherwise an old
   * delegation would be taken for a new one.
   */
  async delegate(delegation: Delegation, signal: AbortSignal, message?: Message): Promise<Delegated> {
    const identity = keyOfDelegation(delegation)
    const { body } = identity
    const { spec, user, scope } = delegation
    const by = { user, scope }
    const wanted = { spec, by, message }
    const delegated = (await this.#known(identity, by, signal)) ?? (await this.#inTurn(identity, wanted, signal))
    const earlierBody = delegated.job.metadata.annotations?.[DELEGATION_BODY_ANNOTATION]
    if (body !== undefined && earlierBody !== body) {
      throw new HttpError(409, 'IdempotencyKeyReused', 'Idempotency-Key was used before with another body')
    }
    if (message !== undefined && delegated.job.spec.message === undefined) throw withoutMessage()
    return delegated
  }

  /** The job of the key that the call repeats, if the API server confirms it. The caller's own jobs come first. */
  async #known({ key, earlierKey }: DelegationKey, by: Caller, signal: AbortSignal): Promise<Delegated | undefined> {
    const { jobs } = this.#deps.caches
    const keys = earlierKey === undefined ? [key] : [key, earlierKey]
    // The newest one by its time need not be the last: replicas have clocks of their own.
    const read = new Set<string>()
    for (const mayBe of [isOwn, isVisible]) {
      for (;;) {
        const unread = keys
          .flatMap((each) => jobs.byIndex('delegation', each))
          .filter((job) => !read.has(job.metadata.name) && mayBe(job, by) && this.#isRepeatOf(job))
        const newest = newestOf(unread)
        if (newest === undefined) break
        read.add(newest.metadata.name)
        const found = await this.#find(newest.metadata.name, signal)
        const replayed = await this.#replayed(found, { key, by }, signal)
        if (replayed !== undefined) return replayed
      }
    }
    return undefined
  }

  /**
   * The job, or a later one of its key, if the call repeats that. There may be a later one that this replica does not
   * know: the caller's own beside that of another, or one that a replica made whose clock is ahead.
   */
  async #replayed(
    found: RunnerJob | undefined,
    { key, by }: { key: string; by: Caller },
    signal: AbortSignal,
  ): Promise<Delegated | undefined> {
    let repeated: RunnerJob | undefined
    let job = found
    for (let attempt = 0; job !== undefined && attempt < MAX_ATTEMPTS; attempt++) {
      const isBetter = repeated === undefined || !isOwn(repeated, by) || isOwn(job, by)
      if (isBetter && isVisible(job, by) && this.#isRepeatOf(job)) repeated = job
      if (repeated === undefined || (isOwn(repeated, by) && !isFinished(repeated))) break
      job = await this.#find(nameAfter(key, job), signal)
    }
    return repeated === undefined ? undefined : { job: repeated, replayed: true }
  }

  #isRepeatOf(job: RunnerJob): boolean {
    const { clock, idempotencyWindowMs } = this.#deps
    return isRepeat(job, { nowMs: clock.now().getTime(), namedWindowMs: idempotencyWindowMs })
  }

  /** Reads a job by name from the API server. */
  #find(name: string, signal: AbortSignal): Promise<RunnerJob | undefined> {
    const read = this.#reads.get(name, () => find(this.#deps, name, AbortSignal.timeout(READ_MS)))
    return abortable(read, signal)
  }

  async #inTurn(identity: DelegationKey, wanted: Wanted, signal: AbortSignal): Promise<Delegated> {
    const { key } = identity
    for (let other = this.#pending.get(key); other !== undefined; other = this.#pending.get(key)) {
      await abortable(other, signal)
      const known = await this.#known(identity, wanted.by, signal)
      if (known !== undefined) return known
    }
    const done = deferred<void>()
    this.#pending.set(key, done.promise)
    try {
      return await this.#create(identity, wanted, signal)
    } catch (error) {
      // Creates that compete for a quota on the number of objects get a conflict: a repeat may succeed.
      throw error instanceof Conflict ? clusterUnavailable() : error
    } finally {
      this.#pending.delete(key)
      done.resolve()
    }
  }

  async #create(identity: DelegationKey, { spec, by, message }: Wanted, signal: AbortSignal): Promise<Delegated> {
    const { client, caches } = this.#deps
    // A new job's name derives from this one.
    let last = newestOf([...caches.jobs.byIndex('delegation', identity.key), ...this.#deleted.of(identity.key)])
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const name = nameAfter(identity.key, last)
      const stored = message && (await storeMessage(this.#deps, name, message, signal))
      try {
        const full = stored === undefined ? spec : { ...spec, message: stored.ref }
        const created = newJob(this.#deps, name, identity, { spec: full, user: by.user })
        const job = await client.create(runnerJobs, created, signal, asParsed)
        caches.jobs.applyOwn(job)
        await stored?.giveTo(job, signal)
        return { job, replayed: false }
      } catch (error) {
        await stored?.refused(error)
        if (!(error instanceof AlreadyExists)) throw error
        const found = await this.#find(name, signal)
        const replayed = await this.#replayed(found, { key: identity.key, by }, signal)
        if (replayed !== undefined) return replayed
        last = found ?? last
      }
    }
    throw new HttpError(503, 'Busy', 'this job is being delegated by many other requests, try again', {
      'Retry-After': '1',
    })
  }
}

/** A job to create, and the message to store for it. */
interface Wanted {
  spec: NewRunnerJobSpec
  by: Caller
  message: Message | undefined
}

/** The name of a caller, and the jobs that it may use. */
interface Caller {
  user: string
  scope: JobScope
}

function isVisible(job: RunnerJob, { scope }: Caller): boolean {
  return isInScope(ownerOf(job), scope)
}

/** A job that was made before callers were recorded counts as the caller's own. */
function isOwn(job: RunnerJob, { user }: Caller): boolean {
  return isInScope(ownerOf(job), { is: 'own', user })
}

/** The name of the first job of a key, or of the one after its last job. */
function nameAfter(key: string, last: RunnerJob | undefined): string {
  return uuidOf(`${key}/${last?.metadata.uid ?? ''}`)
}

function withoutMessage(): HttpError {
  const why = 'the same job was delegated before without its message'
  return new HttpError(409, 'DelegatedWithoutMessage', why)
}

function newestOf(jobs: readonly RunnerJob[]): RunnerJob | undefined {
  return jobs.reduce<RunnerJob | undefined>(
    (newest, job) => (newest === undefined || isNewer(job, newest) ? job : newest),
    undefined,
  )
}

/** Compares parsed times: texts of another precision or offset do not sort by time. */
function isNewer(job: RunnerJob, other: RunnerJob): boolean {
  const laterMs = Date.parse(delegatedAt(job)) - Date.parse(delegatedAt(other))
  return laterMs === 0 ? job.metadata.name > other.metadata.name : laterMs > 0
}

async function find(deps: FacadeDeps, name: string, signal: AbortSignal): Promise<RunnerJob | undefined> {
  const job = await deps.client.find(runnerJobs, { namespace: deps.namespace, name }, signal)
  if (job !== undefined) deps.caches.jobs.applyOwn(job)
  return job
}

function newJob(
  { namespace, clock }: FacadeDeps,
  name: string,
  { key, body }: DelegationKey,
  { spec, user }: { spec: NewRunnerJobSpec; user: string },
): NewObject<RunnerJob> {
  const annotations = {
    [DELEGATED_BY_ANNOTATION]: user,
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
