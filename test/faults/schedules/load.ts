import { elementsOf } from '../../../src/api/json.ts'
import type { Pod } from '../../../src/api/pod.ts'
import { type RunnerJob, runnerJobs } from '../../../src/api/runner-job.ts'
import { AlreadyExists, NotFound } from '../../../src/kube/client/errors.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { pause } from '../../kubelet/pause.ts'
import { exits, runs, type Script } from '../../kubelet/script.ts'
import type { Operator } from '../../processes/operator.ts'
import { call } from '../../site/calls/call.ts'
import { type Site, TOKEN } from '../../site/site.ts'
import type { Arrival } from './arrivals.ts'

const RETRY_MS = 200
const CALL_MS = 5000

/** A job whose creation was acknowledged. */
export interface Acknowledged extends Arrival {
  /** The name of its RunnerJob. */
  name: string
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
  /** The facades to call in turn; those that do not run now are skipped by their error. */
  readonly #facades: () => readonly (Operator | undefined)[]

  constructor(site: Site, arrivals: readonly Arrival[], facades: () => readonly (Operator | undefined)[]) {
    this.#site = site
    this.#arrivals = arrivals
    this.#facades = facades
    const byId = new Map(arrivals.map((arrival) => [arrival.jobId, arrival]))
    site.kubelet.onPod((pod) => scriptOf(byId.get(jobIdOf(pod))))
    site.history.jobs.onChange(({ now }) => now && this.#note(now))
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

  async #arrive(arrival: Arrival, index: number, signal: AbortSignal): Promise<void> {
    const name = await insist((attempt) => this.#create(arrival, index + attempt), signal)
    this.acknowledged.push({ ...arrival, name })
    if (arrival.fate !== 'Cancelled' && arrival.fate !== 'deleted') return
    await pause(arrival.forMs, signal)
    await insist(async () => {
      await (arrival.fate === 'deleted' ? this.#delete(name) : this.#site.cancel(name))
      return true
    }, signal)
  }

  async #create({ jobId, via }: Arrival, turn: number): Promise<string> {
    if (via === 'facade') return this.#delegate(jobId, turn)
    const name = `job-${jobId}`
    await this.#site.createJob(name, { jobId }).catch((error: unknown) => {
      if (!(error instanceof AlreadyExists)) throw error // an earlier response was lost
    })
    return name
  }

  async #delegate(jobId: string, turn: number): Promise<string> {
    const facades = this.#facades()
    const url = facades[turn % facades.length]?.url ?? ''
    const body = { jobId, runId: '1', repository: 'owner/repo' }
    const {
      status,
      body: answer,
      text,
    } = await call(`${url}/api/jobs/delegate`, {
      method: 'POST',
      // A repeat may come long after the job has ended.
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', 'idempotency-key': jobId },
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

  #note({ metadata, spec }: RunnerJob): void {
    this.made.set(spec.jobId, (this.made.get(spec.jobId) ?? new Set()).add(metadata.uid))
  }
}

function scriptOf(arrival: Arrival | undefined): Script {
  if (arrival?.fate === 'Completed') return exits(0, { runMs: arrival.forMs })
  return arrival?.fate === 'Failed' ? exits(3, { runMs: arrival.forMs }) : runs()
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
