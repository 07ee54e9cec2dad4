import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KubeObject, NewObject, Resource } from '../../src/api/object.ts'
import { type Pod, pods } from '../../src/api/pod.ts'
import { type NewRunnerJobSpec, type RunnerJob, runnerJobs } from '../../src/api/runner-job.ts'
import { type RunnerPool, runnerPools, type RunnerPoolSpec } from '../../src/api/runner-pool.ts'
import { type Runner, runners } from '../../src/api/runner.ts'
import { isFinished } from '../../src/domain/job/phases.ts'
import type { KubeClient } from '../../src/kube/client/client.ts'
import { NotFound } from '../../src/kube/client/errors.ts'
import { InFlight } from '../../src/kube/client/in-flight.ts'
import type { FaultProxy } from '../faults/proxy/proxy.ts'
import { StandInKubelet } from '../kubelet/kubelet.ts'
import { eventually, GARBAGE_MS, Hopeless } from '../observe/eventually.ts'
import { type Operator, type OperatorOptions, startOperator } from '../processes/operator.ts'
import { History } from './history.ts'
import { CALLERS } from './namespace.ts'
import { newJob, newPool } from './objects.ts'
import { type Plane, sharedPlane } from './plane.ts'
import { events, report, type Scene } from './report.ts'
import { Watches } from './watches.ts'

const forever = new AbortController().signal

/** Operators that start at a time. Tests run side by side may start a dozen, each of which has a time limit. */
const starting = new InFlight(3)

/** A namespace for an operator: its account with the permissions of the manifests, and a stand-in kubelet. */
export class Site {
  readonly plane: Plane
  readonly namespace: string
  readonly kubelet: StandInKubelet
  readonly history: History
  readonly tokenFile: string
  /** The token of the operator's account. */
  readonly token: string
  readonly #operators: Operator[] = []
  readonly #watches: Watches

  constructor(plane: Plane, namespace: string, { token, directory }: { token: string; directory: string }) {
    this.plane = plane
    this.namespace = namespace
    this.kubelet = new StandInKubelet(plane.controlPlane.connection, namespace)
    this.history = new History(plane.controlPlane.connection, namespace)
    this.#watches = new Watches(plane.controlPlane.connection, namespace)
    this.#watches.adopt(runnerJobs, this.history.jobs)
    this.#watches.adopt(pods, this.kubelet.pods)
    this.tokenFile = join(directory, 'tokens.csv')
    this.token = token
  }

  /** An administrator's client. */
  get client(): KubeClient {
    return this.plane.client
  }

  /** Starts an operator here and waits until it is ready; through a proxy, if given. */
  async operator(
    options: { proxy?: FaultProxy } & Partial<OperatorOptions> = {},
    { waits = true } = {},
  ): Promise<Operator> {
    if (!waits) return this.#start(options)
    const release = await starting.acquire(forever)
    try {
      return await (await this.#start(options)).ready()
    } finally {
      release()
    }
  }

  async #start({ proxy, env, ...rest }: { proxy?: FaultProxy } & Partial<OperatorOptions>): Promise<Operator> {
    const { connection } = this.plane.controlPlane
    const operator = await startOperator({
      namespace: this.namespace,
      server: proxy?.url ?? connection.server,
      ca: proxy?.ca ?? String((await connection.credentials()).tls.ca),
      token: this.token,
      // The node has no logs, unless a test serves them.
      env: { TOKEN_FILE: this.tokenFile, RATE_LIMIT_MAX: '1000000', LOG_ARCHIVE: 'none', ...env },
      ...rest,
    })
    this.#operators.push(operator)
    return operator
  }

  async createPool(name: string, spec: Partial<RunnerPoolSpec> = {}): Promise<RunnerPool> {
    return this.client.create(runnerPools, this.#here(newPool(name, spec)), forever)
  }

  async createJob(name: string, spec: Partial<NewRunnerJobSpec> = {}): Promise<RunnerJob> {
    return this.client.create(runnerJobs, this.#here(newJob(name, spec)), forever)
  }

  /** Creates any object here. */
  async create<T extends KubeObject>(resource: Resource<T>, object: NewObject<T>): Promise<T> {
    return this.client.create(resource, this.#here(object), forever)
  }

  async job(name: string): Promise<RunnerJob | undefined> {
    return this.get(runnerJobs, name)
  }

  /** The Runner of a job. */
  async runner(job: string): Promise<Runner | undefined> {
    return this.get(runners, `${job}-1`)
  }

  /** The pod of a job. */
  async pod(job: string): Promise<Pod | undefined> {
    return this.get(pods, `${job}-1`)
  }

  /** Waits until the kubelet has the pod of a job: later calls of `onPod` are for later pods only. */
  async kubeletHas(job: string, withinMs?: number): Promise<void> {
    await this.until(`the pod of ${job} to be seen`, () => this.kubelet.ledger.of(job).length > 0, withinMs, job)
  }

  /** The current object; inside an awaited condition, the object of the watch. */
  async get<T extends KubeObject>(resource: Resource<T>, name: string): Promise<T | undefined> {
    if (this.#watches.isLooking) return this.#watches.get(resource, name)
    try {
      return await this.client.get(resource, { namespace: this.namespace, name }, forever)
    } catch (error) {
      if (error instanceof NotFound) return undefined
      throw error
    }
  }

  /** All objects of a kind here; inside an awaited condition, those of the watch. */
  async list<T extends KubeObject>(resource: Resource<T>): Promise<T[]> {
    if (this.#watches.isLooking) return this.#watches.list(resource)
    return (await this.client.listPage(resource, this.namespace, {}, forever)).items
  }

  /** Deletes an object like kubectl, without waiting. */
  async delete<T extends KubeObject>(resource: Resource<T>, name: string, gracePeriodSeconds?: number): Promise<void> {
    const grace = gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }
    const options = { propagationPolicy: 'Background', ...grace } as const
    await this.client.delete(resource, { namespace: this.namespace, name }, options, forever)
  }

  async cancel(name: string): Promise<void> {
    const key = { namespace: this.namespace, name }
    await this.client.patchMerge(runnerJobs, key, { spec: { cancel: true } }, forever)
  }

  /**
   * Waits for a condition, and checks it again at every change here. Its reads of this site come from the watches, and
   * once more from the API server when it holds. A failure reports the whole state of the site.
   */
  async until<T>(what: string, condition: () => T | Promise<T>, withinMs = 15_000, job?: string) {
    const look = async (): Promise<T> => {
      const { value, isFromWatches } = await this.#watches.look(condition)
      return isFromWatches && Boolean(value) ? condition() : value
    }
    return this.#waitFor(what, look, withinMs, job)
  }

  async #waitFor<T>(what: string, condition: () => T | Promise<T>, withinMs: number, job?: string) {
    const changed = (ms: number): Promise<void> => this.#watches.changed(ms)
    try {
      return await eventually(condition, { what, withinMs, changed })
    } catch (error) {
      const state = await report(this.client, this.#scene(job))
      throw new Error(`${error instanceof Error ? error.message : String(error)}\n${state}`, { cause: error })
    }
  }

  /** Waits until a job has this status, and returns the job; a job that finishes differently ends the wait. */
  async jobIs(name: string, status: Partial<RunnerJob['status']>, withinMs = 15_000): Promise<RunnerJob> {
    const what = `job ${name} to be ${JSON.stringify(status)}`
    const find = async (): Promise<RunnerJob | undefined> => {
      const { value: job } = await this.#watches.look(() => this.job(name))
      if (job === undefined) return undefined
      const now = isAs(job, status) || isFinished(job) ? await this.job(name) : job
      // The watch may lack a change that came since and leaves the status as it is.
      if (isAs(job, status)) return now !== undefined && isAs(now, status) ? now : job
      if (now !== undefined && isFinished(now) && !isAs(now, status))
        throw new Hopeless(`${what}: it is over, as ${JSON.stringify(now.status)}`)
      return undefined
    }
    return this.#waitFor(what, find, withinMs, name)
  }

  /** Waits until an Event about the job has this reason. */
  async eventRecorded(job: string, reason: string): Promise<void> {
    await this.until(`an Event ${reason} about job ${job}`, async () => {
      const recorded = await this.list(events)
      return recorded.some((event) => event.regarding?.name === job && event.reason === reason)
    })
  }

  /** Waits until the job and everything created for it are gone. */
  async isGone(job: string, withinMs = GARBAGE_MS): Promise<void> {
    const what = `nothing to be left of job ${job}`
    const remaining = async () => [await this.job(job), await this.runner(job), await this.pod(job)]
    await this.until(what, async () => (await remaining()).every((object) => object === undefined), withinMs, job)
  }

  /** Checks the invariants: an attempt of a job has one pod, ever, after that of the last one, and its status only moves forward and never changes after the end. */
  async checkInvariants(): Promise<void> {
    const podsOf = Map.groupBy(this.kubelet.ledger.all, ({ jobUid, name }) => `${jobUid} ${name}`)
    const doubles = [...podsOf].filter(([, records]) => records.length > 1)
    const early = this.kubelet.ledger.all.filter(({ others }) => others.length > 0)
    const wrong = [
      ...this.history.violations,
      ...doubles.map(([, records]) => `several pods for one attempt: ${JSON.stringify(records)}`),
      ...early.map((record) => `a pod while another one of its job was there: ${JSON.stringify(record)}`),
    ]
    if (wrong.length > 0) throw new Error([...wrong, await report(this.client, this.#scene())].join('\n'))
  }

  async close(): Promise<void> {
    await Promise.all(this.#operators.map((operator) => operator.close()))
    await Promise.all([this.kubelet.stop(), this.history.stop(), this.#watches.stop()])
    this.#checkWarnings()
    await rm(join(this.tokenFile, '..'), { recursive: true, force: true })
  }

  /** Node.js writes one line for each kind of leak that it suspects. */
  #checkWarnings(): void {
    const lines = this.#operators.flatMap(({ log }) => log.map(({ msg = '' }) => msg))
    const leaks = lines.filter((line) => line.includes('MaxListenersExceededWarning'))
    if (leaks.length > 0) throw new Error(`operators warned of leaks:\n${leaks.join('\n')}`)
  }

  #scene(job?: string): Scene {
    return { namespace: this.namespace, operators: this.#operators, job }
  }

  #here<T extends KubeObject>(object: NewObject<T>): NewObject<T> {
    return { ...object, metadata: { ...object.metadata, namespace: this.namespace } }
  }
}

function isAs(job: RunnerJob, status: Partial<RunnerJob['status']>): boolean {
  const has = new Map<string, unknown>(Object.entries(job.status))
  return Object.entries(status).every(([field, value]) => has.get(field) === value)
}

/** The token that every site's facade knows. */
export const TOKEN = 'token-of-tests'

/** Its line in the token file, with its user and groups. */
export const TOKEN_LINE = `${TOKEN},tester,tester-uid,"testers,${CALLERS}"\n`

/** Opens a new site; close it in `after`. */
export async function openSite(): Promise<Site> {
  const plane = await sharedPlane()
  const { namespace, token } = await plane.namespace()
  const directory = await mkdtemp(join(tmpdir(), 'runnerhub-site-'))
  const site = new Site(plane, namespace, { token, directory })
  await writeFile(site.tokenFile, TOKEN_LINE)
  await Promise.all([site.kubelet.start(), site.history.start()])
  return site
}
