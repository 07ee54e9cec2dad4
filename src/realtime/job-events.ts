import { type JobState, publicId, stateOfPhase } from '../api/job-state.ts'
import type { RunnerJob } from '../api/runner-job.ts'
import { type Caches, jobKeyOf, runnerOf } from '../cluster/caches.ts'
import { isFinished, shownPhase } from '../domain/job/phases.ts'
import { type JobOwner, ownerOf } from '../domain/job/ownership.ts'
import { saidOf } from '../domain/job/status.ts'
import { attemptOf } from '../domain/runner/keys.ts'

/** One state change of a job, as subscribers receive it. */
export interface JobEvent {
  event: 'job:delegated' | 'job:status' | 'job:reason'
  jobId: string
  repository: string
  status: JobState
  /**
   * 1 queued, 2 assigned, 3 running, 4 over; three more for each earlier attempt. The same on every replica, rising for
   * each job.
   */
  sequence: number
  /** Number of the attempt, from the second one on. */
  attempt?: number
  reason: string | null
  /** The runner's own word for the end, where a runner ran the job. */
  result?: string
  /** Position of a waiting job in the queue of its pool; 1 is next. */
  queuePosition?: number
  /** Decides which subscribers receive it; not part of any message. */
  owner: JobOwner
}

/** A job was deleted. Only subscribers with facts hear of it: others have the end of the job. */
export interface JobDeletion extends Omit<JobEvent, 'event'> {
  event: 'job:deleted'
}

/** Gets an event, and the job that it is about. */
type Listener<Event> = (event: Event, job: RunnerJob) => void

/** The last emitted event of a job, by UID. */
interface Emitted {
  uid: string
  sequence: number
  reason: string | null
}

/**
 * Turns cache changes into job events: every state of a job, in order, once. If a later state is seen first, the
 * skipped ones are emitted before it. A job that is deleted before its end ends as cancelled. A new reason of the same
 * state is an event of its own kind.
 */
export class JobEvents {
  readonly #caches: Caches
  readonly #listeners = new Set<Listener<JobEvent>>()
  readonly #reasonListeners = new Set<Listener<JobEvent>>()
  readonly #deletionListeners = new Set<Listener<JobDeletion>>()
  readonly #emitted = new Map<string, Emitted>()

  /** Jobs that the caches hold already count as emitted; only later changes emit events. */
  constructor(caches: Caches) {
    this.#caches = caches
    caches.jobs.onChange(({ key, old, now }) => {
      if (now !== undefined) return this.#follow(key, now)
      this.#emitted.delete(key)
      // No final status will come: without this event, its subscribers would wait forever.
      if (old === undefined) return
      const last = isFinished(old) ? this.current(old) : eventOf(old, 'cancelled', attemptOf(old))
      if (!isFinished(old)) this.#emit(last, old)
      for (const listener of this.#deletionListeners) listener({ ...last, event: 'job:deleted' }, old)
    })
    caches.runners.onChange(({ now }) => {
      const key = now === undefined ? undefined : jobKeyOf(now)
      const job = key === undefined ? undefined : caches.jobs.get(key)
      if (key !== undefined && job !== undefined) this.#follow(key, job)
    })
  }

  /** Registers a callback for every later event. */
  onEvent(listener: Listener<JobEvent>): void {
    this.#listeners.add(listener)
  }

  /** Registers a callback for every later change of the reason within a state. */
  onReason(listener: Listener<JobEvent>): void {
    this.#reasonListeners.add(listener)
  }

  /** Registers a callback for every later deletion, after the last event of the job. */
  onDeletion(listener: Listener<JobDeletion>): void {
    this.#deletionListeners.add(listener)
  }

  /** The current state of a job, as its last event. */
  current(job: RunnerJob): JobEvent {
    return eventsOf(this.#caches, job).at(-1) ?? eventOf(job, 'queued', 1)
  }

  #follow(key: string, job: RunnerJob): void {
    const { uid } = job.metadata
    const known = this.#emitted.get(key)
    const events = eventsOf(this.#caches, job)
    const last = events.at(-1)?.sequence ?? 0
    const from = known?.uid === uid ? known.sequence : 0
    const current = events.at(-1)
    if (current === undefined || last < from) return
    this.#emitted.set(key, { uid, sequence: last, reason: current.reason })
    if (last === from) return this.#followReason(known?.reason, current, job)
    // Before the first list is complete, changes are existing state and emit nothing.
    if (!this.#caches.jobs.hasSynced()) return
    for (const event of events) if (event.sequence > from) this.#emit(event, job)
  }

  /** The state is the same, and somebody may wait for what keeps the job in it. */
  #followReason(known: string | null | undefined, current: JobEvent, job: RunnerJob): void {
    if (current.reason === null || current.reason === known || !this.#caches.jobs.hasSynced()) return
    for (const listener of this.#reasonListeners) listener({ ...current, event: 'job:reason' }, job)
  }

  #emit(event: JobEvent, job: RunnerJob): void {
    for (const listener of this.#listeners) listener(event, job)
  }
}

/** The states of a job up to the current one; only the current one has the current reason and the result. */
function eventsOf(caches: Caches, job: RunnerJob): JobEvent[] {
  const past = (job.status.attempts ?? []).flatMap((ended) => {
    const states: JobState[] = ['queued', 'assigned', ...(ended.startedAt === undefined ? [] : ['running' as const])]
    return states.map((state) => eventOf(job, state, ended.number))
  })
  const attempt = attemptOf(job)
  const events = [...past, eventOf(job, 'queued', attempt)]
  const phase = shownPhase(job, runnerOf(caches, job))
  const { assignedAt, startedAt } = job.status
  const isAssigned = phase === 'Assigned' || phase === 'Running' || assignedAt !== undefined
  if (isAssigned) events.push(eventOf(job, 'assigned', attempt))
  if (phase === 'Running' || startedAt !== undefined) events.push(eventOf(job, 'running', attempt))
  if (isFinished(job)) events.push(eventOf(job, stateOfPhase(phase), attempt))
  const { result } = job.status
  const position = phase === 'Queued' ? caches.queuePositions.of(job)?.position : undefined
  const current = {
    reason: saidOf(job).reason ?? null,
    ...(result !== undefined && { result }),
    ...(position !== undefined && { queuePosition: position }),
  }
  return events.map((event, index) => (index === events.length - 1 ? { ...event, ...current } : event))
}

/** The place of each state within an attempt. The last three are final. */
const places: Readonly<Record<JobState, number>> = {
  queued: 1,
  assigned: 2,
  running: 3,
  completed: 4,
  failed: 4,
  cancelled: 4,
}

function eventOf(job: RunnerJob, status: JobState, attempt: number): JobEvent {
  const event = status === 'queued' && attempt === 1 ? 'job:delegated' : 'job:status'
  const sequence = 3 * (attempt - 1) + places[status]
  const which = attempt === 1 ? {} : { attempt }
  const { repository } = job.spec
  return { event, jobId: publicId(job), repository, status, sequence, ...which, reason: null, owner: ownerOf(job) }
}
