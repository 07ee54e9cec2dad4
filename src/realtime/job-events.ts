import { type JobState, publicId, stateOfPhase } from '../api/job-state.ts'
import type { RunnerJob } from '../api/runner-job.ts'
import { type Caches, jobKeyOf, runnerOf } from '../cluster/caches.ts'
import { isFinished, shownPhase } from '../domain/job/phases.ts'
import { saidOf } from '../domain/job/status.ts'

/** One step of a job, as subscribers are told it. */
export interface JobEvent {
  event: 'job:delegated' | 'job:status'
  jobId: string
  repository: string
  status: JobState
  /** 1 queued, 2 assigned, 3 running, 4 over: the same on every replica, rising for each job. */
  sequence: number
  reason: string | null
}

/** How much of which incarnation of a job has been told. */
interface Emitted {
  uid: string
  sequence: number
}

/**
 * Turns changes of the caches into steps: of each job all, in order, each once. Where a later state is seen first,
 * the ones that came before it are told first. A job that is deleted before its end ends as cancelled.
 */
export class JobEvents {
  readonly #caches: Caches
  readonly #listeners = new Set<(event: JobEvent) => void>()
  readonly #emitted = new Map<string, Emitted>()

  /** What the caches hold already counts as told; everything that comes later is news. */
  constructor(caches: Caches) {
    this.#caches = caches
    caches.jobs.onChange(({ key, old, now }) => {
      if (now !== undefined) return this.#follow(key, now)
      this.#emitted.delete(key)
      // Its end will not come: without this, whoever waits for it would do so for ever.
      if (old !== undefined && !isFinished(old)) this.#emit(eventOf(old, 'cancelled', 4))
    })
    caches.runners.onChange(({ now }) => {
      const key = now === undefined ? undefined : jobKeyOf(now)
      const job = key === undefined ? undefined : caches.jobs.get(key)
      if (key !== undefined && job !== undefined) this.#follow(key, job)
    })
  }

  /** Calls back for every event from now on. */
  onEvent(listener: (event: JobEvent) => void): void {
    this.#listeners.add(listener)
  }

  /** The present step of a job, as the last that was told. */
  current(job: RunnerJob): JobEvent {
    return eventsOf(this.#caches, job).at(-1) ?? eventOf(job, 'queued', 1)
  }

  #follow(key: string, job: RunnerJob): void {
    const { uid } = job.metadata
    const known = this.#emitted.get(key)
    const steps = eventsOf(this.#caches, job)
    const last = steps.at(-1)?.sequence ?? 0
    const from = known?.uid === uid ? known.sequence : 0
    if (last <= from) return
    this.#emitted.set(key, { uid, sequence: last })
    // Before the first list is complete, changes are not news but what was there.
    if (!this.#caches.jobs.hasSynced()) return
    for (const step of steps) if (step.sequence > from) this.#emit(step)
  }

  #emit(event: JobEvent): void {
    for (const listener of this.#listeners) listener(event)
  }
}

/** The states that a job has been in, up to the present one, which alone has the present reason. */
function eventsOf(caches: Caches, job: RunnerJob): JobEvent[] {
  const steps = [eventOf(job, 'queued', 1)]
  const phase = shownPhase(job, runnerOf(caches, job))
  const { assignedAt, startedAt } = job.status
  if (phase === 'Assigned' || phase === 'Running' || assignedAt !== undefined) steps.push(eventOf(job, 'assigned', 2))
  if (phase === 'Running' || startedAt !== undefined) steps.push(eventOf(job, 'running', 3))
  if (isFinished(job)) steps.push(eventOf(job, stateOfPhase(phase), 4))
  const reason = saidOf(job).reason ?? null
  return steps.map((step, index) => (index === steps.length - 1 ? { ...step, reason } : step))
}

function eventOf(job: RunnerJob, status: JobState, sequence: number): JobEvent {
  const event = status === 'queued' ? 'job:delegated' : 'job:status'
  return { event, jobId: publicId(job), repository: job.spec.repository, status, sequence, reason: null }
}
