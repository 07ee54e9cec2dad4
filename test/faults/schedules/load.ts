import { elementsOf } from '../../../src/api/json.ts'
import type { Pod } from '../../../src/api/pod.ts'
import { type RunnerJob, runnerJobs } from '../../../src/api/runner-job.ts'
import { isFinal } from '../../../src/domain/job/phases.ts'
import { AlreadyExists, NotFound } from '../../../src/kube/client/errors.ts'
import { MESSAGE_TYPE } from '../../../src/http/input/body-limit.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { pause } from '../../kubelet/pause.ts'
import type { NodeLogs } from '../../kubelet/logs.ts'
import { factsOf, handOverBody, pack } from '../../hand-over/sending.ts'
import type { Operator } from '../../processes/operator.ts'
import { call } from '../../site/calls/call.ts'
import { type Site, TOKEN } from '../../site/site.ts'
import type { Acknowledged, Arrival } from './arrivals.ts'
import { JobLogs } from './job-logs.ts'
import type { Started } from './recovery.ts'
import { MESSAGE_LABEL } from './workers.ts'

const RETRY_MS = 200
const CALL_MS = 5000

/** What a load needs besides its jobs. */
interface Means {
  /** The facades to call in turn; those that do not run now are skipped by their error. */
  facades: () => readonly (Operator | undefined)[]
  /** The logs of the node. */
  logs: NodeLogs
}

/** A client that creates jobs on schedule, retries until each is acknowledged, and then cancels or deletes some. */
export class Load {
  readonly acknowledged: Acknowledged[] = []
  /** Responses that no fault excuses. */
  readonly problems: string[] = []
  /** The UIDs of the RunnerJobs of each `jobId`. */
  readonly made = new Map<string, Set<string>>()
  readonly #site: Site
  readonly #arrivals: readonly Arrival[]
  readonly #facades: Means['facades']
  /** The monotonic time at which each job, by its name, was seen to start, end or go. */
  readonly #started = new Map<string, number>()

  constructor(site: Site, arrivals: readonly Arrival[], { facades, logs }: Means) {
    this.#site = site
    this.#arrivals = arrivals
    this.#facades = facades
    const byId = new Map(arrivals.map((arrival) => [arrival.jobId, arrival]))
    const jobLogs = new JobLogs(site, logs)
    site.kubelet.onPod((pod) => jobLogs.scriptOf(pod, byId.get(jobIdOf(pod))))
    site.history.jobs.onChange(({ old, now }) => this.#note(old, now))
  }

  /** Resolves when every job is acknowledged, and those that are to be cancelled or deleted are. */
  async run(signal: AbortSignal): Promise<void> {
    const begun = performance.now()
    const failed = new AbortController()
    const either = AbortSignal.any([signal, failed.signal])
    const running = new Set<Promise<void>>()
    for (const [index, arrival] of this.#arrivals.entries()) {
      await pause(Math.max(0, begun + arrival.atMs - performance.now()), either)
      const job = this.#arrive(arrival, index, either)
        .catch((error: unknown) => failed.abort(error))
        .finally(() => running.delete(job))
      running.add(job)
    }
    await Promise.all(running)
    either.throwIfAborted()
  }

  /** When each acknowledged job was due, and when it was seen to start. */
  starts(): Started[] {
    return this.acknowledged.map(({ name, dueAt }) => ({ dueAt, startedAt: this.#started.get(name) ?? dueAt }))
  }

  async #arrive(arrival: Arrival, index: number, signal: AbortSignal): Promise<void> {
    const dueAt = performance.now()
    const name = await insist((attempt) => this.#create(arrival, index + attempt), signal)
    this.acknowledged.push({ ...arrival, name, dueAt })
    if (arrival.fate !== 'Cancelled' && arrival.fate !== 'deleted') return
    await pause(arrival.forMs, signal)
    await insist(async () => {
      await (arrival.fate === 'deleted' ? this.#delete(name) : this.#site.cancel(name))
      return true
    }, signal)
  }

  async #create({ jobId, via }: Arrival, turn: number): Promise<string> {
    if (via !== 'kubernetes') return this.#delegate(jobId, via, turn)
    const name = `job-${jobId}`
    await this.#site.createJob(name, { jobId }).catch((error: unknown) => {
      if (!(error instanceof AlreadyExists)) throw error // an earlier response was lost
    })
    return name
  }

  async #delegate(jobId: string, via: 'facade' | 'message', turn: number): Promise<string> {
    const facades = this.#facades()
    const url = facades[turn % facades.length]?.url ?? ''
    const { body, type } = bodyOf(jobId, via)
    const {
      status,
      body: answer,
      text,
    } = await call(`${url}/api/jobs/delegate`, {
      method: 'POST',
      // A repeat may come long after the job has ended.
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': type, 'idempotency-key': jobId },
      body,
      withinMs: CALL_MS,
    })
    const id = asObject(answer['data'])['delegationId']
    if (typeof id === 'string') return id
    if (status !== 429 && status !== 503) this.problems.push(`a delegation got ${status}: ${text}`)
    throw new Error(`a delegation got ${status}`)
  }

  async #delete(name: string): Promise<void> {
    await this.#site.delete(runnerJobs, name).catch((error: unknown) => {
      if (!(error instanceof NotFound)) throw error
    })
  }

  #note(old: RunnerJob | undefined, now: RunnerJob | undefined): void {
    const { metadata, spec, status } = now ?? old ?? {}
    if (metadata === undefined || spec === undefined) return
    this.made.set(spec.jobId, (this.made.get(spec.jobId) ?? new Set()).add(metadata.uid))
    const isOver = now === undefined || status?.phase === 'Running' || isFinal(status?.phase ?? 'Queued')
    if (isOver && !this.#started.has(metadata.name)) this.#started.set(metadata.name, performance.now())
  }
}

/** The body of a delegation and its media type: bare, or with the message of the job. */
function bodyOf(jobId: string, via: 'facade' | 'message'): { body: object; type: string } {
  if (via === 'facade') return { body: { jobId, runId: '1', repository: 'owner/repo' }, type: 'application/json' }
  const message = pack(JSON.stringify({ jobId }))
  return { body: handOverBody(factsOf(jobId, { labels: [MESSAGE_LABEL] }), message), type: MESSAGE_TYPE }
}

/** The variable of the container that names the job. */
function jobIdOf({ spec }: Pod): string {
  const variables = elementsOf(spec['containers']).flatMap((container) => elementsOf(asObject(container)['env']))
  const found = variables.map(asObject).find(({ name }) => name === 'RUNNERHUB_JOB_ID')
  const { value } = found ?? {}
  return typeof value === 'string' ? value : ''
}

/** Tries until it succeeds. A response that differs from the OpenAPI document is no fault: it ends the load. */
async function insist<T>(act: (attempt: number) => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await act(attempt)
    } catch (error) {
      if (String(error).includes('OpenAPI')) throw error
      await pause(RETRY_MS, signal)
    }
  }
}
