import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Forward, forward } from '../../../config/local/run.d/forward.ts'
import { askKubectl, type Place } from '../../../config/local/run.d/kubectl.ts'
import { RUNNER_LABEL } from '../../../src/api/names.ts'
import type { KubeObject, Resource } from '../../../src/api/object.ts'
import { type Pod, pods } from '../../../src/api/pod.ts'
import { type NewRunnerJobSpec, type RunnerJob, runnerJobs } from '../../../src/api/runner-job.ts'
import { runnerPools } from '../../../src/api/runner-pool.ts'
import { runners } from '../../../src/api/runner.ts'
import { isFinished } from '../../../src/domain/job/phases.ts'
import { KubeClient } from '../../../src/kube/client/client.ts'
import { NotFound } from '../../../src/kube/client/errors.ts'
import type { Connection } from '../../../src/kube/connection/connection.ts'
import { fromKubeconfig } from '../../../src/kube/connection/from-kubeconfig.ts'
import { leases } from '../../../src/kube/election/lease.ts'
import { AuditLog } from '../../observe/audit.ts'
import { eventually, Hopeless } from '../../observe/eventually.ts'
import { newJob } from '../../site/objects.ts'
import { report } from '../../site/report.ts'
import { Watches } from '../../site/watches.ts'
import { Rest } from '../clients/rest.ts'
import type { Prepared } from './image.ts'
import { newPool, type PoolOptions } from './pools.ts'

const NAME = 'app.kubernetes.io/name'
const COMPONENT = 'app.kubernetes.io/component'
/** The chart's hooks and tests have a component of their own. */
const others = ['test', 'clean-up', 'crds']
const operatorLabels = `${NAME}=runnerhub,${COMPONENT} notin (${others.join(', ')})`

const patient = (): AbortSignal => AbortSignal.timeout(120_000)

/** An operator that tests have deployed. */
export interface Installed {
  hub: Installation
  /** Removes all of it, without waiting for the end of the namespace. */
  close(): Promise<void>
}

/** Its Services. */
export interface Services {
  rest: string
  realtime: string
}

/** Makes a running operator reachable from this machine, until its `leave`. */
export async function reach(prepared: Prepared, place: Place, services: Services): Promise<Installation> {
  const stop = new AbortController()
  const open = (service: string, servicePort: number): Promise<Forward> =>
    forward({ place, service, localPort: 0, servicePort, report: () => undefined }, stop.signal)
  const [http, realtime] = [await open(services.rest, 3000), await open(services.realtime, 3001)]
  const connection = await fromKubeconfig(place.kubeconfig)
  return new Installation({ prepared, place, connection, http, realtime, stop })
}

interface Parts {
  prepared: Prepared
  place: Place
  connection: Connection
  http: Forward
  realtime: Forward
  stop: AbortController
}

/** An operator in the cluster, in the namespace of one test file. */
export class Installation {
  readonly place: Place
  /** An administrator's client. */
  readonly client: KubeClient
  readonly rest: Rest
  readonly audit: AuditLog
  readonly #parts: Parts
  readonly #watches: Watches

  constructor(parts: Parts) {
    const { auditLog = '' } = parts.prepared.cluster
    this.#parts = parts
    this.place = parts.place
    this.client = new KubeClient(parts.connection, { userAgent: 'runnerhub-test' })
    this.#watches = new Watches(parts.connection, parts.place.namespace)
    this.rest = new Rest(`http://127.0.0.1:${parts.http.port}`)
    this.audit = new AuditLog(auditLog)
  }

  get namespace(): string {
    return this.place.namespace
  }

  get port(): number {
    return this.#parts.http.port
  }

  get realtimePort(): number {
    return this.#parts.realtime.port
  }

  get clusterKind(): string {
    return this.#parts.prepared.cluster.kind
  }

  /** The output of kubectl in this namespace. */
  kubectl(...args: string[]): Promise<string> {
    return askKubectl(this.place, args, patient())
  }

  async createPool(name: string, options: PoolOptions = {}): Promise<void> {
    const pool = newPool(name, this.#parts.prepared.cluster.baseImage, options)
    await this.client.create(
      runnerPools,
      { ...pool, metadata: { ...pool.metadata, namespace: this.namespace } },
      patient(),
    )
  }

  /** Creates a job with kubectl. */
  async createJob(name: string, spec: Partial<NewRunnerJobSpec>): Promise<RunnerJob> {
    const job = newJob(name, spec)
    return this.client.create(runnerJobs, { ...job, metadata: { name, namespace: this.namespace } }, patient())
  }

  job(name: string): Promise<RunnerJob | undefined> {
    return this.#get(runnerJobs, name)
  }

  jobs(): Promise<RunnerJob[]> {
    return this.#list(runnerJobs)
  }

  /** The pod of a job. */
  pod(job: string): Promise<Pod | undefined> {
    return this.#get(pods, `${job}-1`)
  }

  /** The pods of the operator itself. */
  async operatorPods(): Promise<Pod[]> {
    const isOperator = ({ [NAME]: name, [COMPONENT]: component = '' }: Record<string, string>): boolean =>
      name === 'runnerhub' && !others.includes(component)
    return (await this.#list(pods)).filter(({ metadata: { labels = {} } }) => isOperator(labels))
  }

  /** The remaining runner pods. */
  async runnerPods(): Promise<Pod[]> {
    return (await this.#list(pods)).filter(({ metadata: { labels = {} } }) => RUNNER_LABEL in labels)
  }

  /** The pod that holds the Lease. */
  async leader(): Promise<string> {
    return this.until('a leader', async () => (await this.#get(leases, 'runnerhub'))?.spec?.holderIdentity)
  }

  /** The address of the REST API's Service, with every replica behind it. */
  async serviceUrl(): Promise<string> {
    // Only a cluster on this machine has Services that are reachable from it.
    if (this.clusterKind !== 'local') return this.rest.url
    const address = await this.kubectl('get', 'service', 'runnerhub', '--output=jsonpath={.spec.clusterIP}')
    return `http://${address.trim()}:3000`
  }

  /** Creates or updates an object, given as JSON. */
  async apply(object: string): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'runnerhub-apply-'))
    const file = join(folder, 'object.json')
    await writeFile(file, object)
    await this.kubectl('apply', '--filename', file)
    await rm(folder, { recursive: true })
  }

  /**
   * Waits for a condition; a failure reports the whole state of the namespace. Its reads of jobs, Runners, pods and Leases
   * come from watches, and once more from the API server when it holds.
   */
  async until<T>(what: string, condition: () => T | Promise<T>, withinMs = 30_000, job?: string) {
    let isWatched = false
    const look = async (): Promise<T> => {
      const { value, isFromWatches } = await this.#watches.look(condition)
      isWatched = isFromWatches
      return isFromWatches && Boolean(value) ? condition() : value
    }
    // No watch shows when the result of a call or a command changes.
    const changed = (ms: number): Promise<void> => (isWatched ? this.#watches.changed(ms) : pause(2 * ms))
    try {
      return await eventually(look, { what, withinMs, everyMs: 50, changed })
    } catch (error) {
      throw new Error(`${String(error)}\n${await this.report(job)}`, { cause: error })
    }
  }

  /** Waits until a job has this status, and returns the job; a job that finishes differently ends the wait. */
  async jobIs(name: string, wanted: Partial<RunnerJob['status']>, withinMs?: number): Promise<RunnerJob> {
    const find = async (): Promise<RunnerJob | undefined> => {
      const job = await this.job(name)
      const has = new Map<string, unknown>(Object.entries(job?.status ?? {}))
      if (Object.entries(wanted).every(([field, value]) => has.get(field) === value)) return job
      if (job === undefined || !isFinished(job)) return undefined
      // A watch may still show an earlier job of the name.
      if (this.#watches.isLooking) return job
      throw new Hopeless(`it is over, as ${JSON.stringify(job.status)}`)
    }
    return this.until(`job ${name} to be ${JSON.stringify(wanted)}`, find, withinMs, name)
  }

  /** Waits until REST, which answers from a cache, shows a job with this status, and returns its detail. */
  async restShows(id: string, status: string): Promise<Record<string, unknown>> {
    const find = async () => {
      const detail = await this.rest.job(id)
      return detail['status'] === status && detail
    }
    return this.until(`REST to show job ${id} as ${status}`, find, undefined, id)
  }

  /** Lets a job of a pool with `untilSignalled` end, once it runs. */
  async finishJob(job: string): Promise<void> {
    const pod = `${job}-1`
    await this.until(`job ${job} to run`, () => this.kubectl('logs', pod), undefined, job)
    await this.until(`job ${job} to get the signal`, () => this.#signalEnd(pod), undefined, job)
  }

  /** The container may be gone before the command returns: then it got the signal. */
  async #signalEnd(pod: string): Promise<boolean> {
    try {
      await this.kubectl('exec', pod, '--', '/bin/sh', '-c', 'kill -USR1 1')
      return true
    } catch {
      const running = '--output=jsonpath={.status.containerStatuses[*].state.running}'
      return (await this.kubectl('get', 'pod', pod, '--ignore-not-found', running)) === ''
    }
  }

  /** The remaining objects of a job: itself, its Runner, its pod. */
  async remainsOf(job: string): Promise<string[]> {
    const all = await Promise.all([this.job(job), this.#get(runners, `${job}-1`), this.pod(job)])
    return all.flatMap((object) => (object === undefined ? [] : [object.metadata.name]))
  }

  /** The evidence for a failed test, of one job or of all. */
  async report(job?: string): Promise<string> {
    const log = await this.kubectl('logs', `--selector=${operatorLabels}`, '--prefix', '--tail=40').catch(String)
    return `${await report(this.client, { namespace: this.namespace, operators: [], job })}\n--- log of the operator\n${log}`
  }

  /** Stops forwarding; the installation stays. */
  async leave(): Promise<void> {
    this.#parts.stop.abort(new Error('the tests are over'))
    await Promise.all([this.#parts.http.ended, this.#parts.realtime.ended, this.#watches.stop()])
    await this.client.close()
  }

  async #get<T extends KubeObject>(resource: Resource<T>, name: string): Promise<T | undefined> {
    if (this.#watches.isLooking) return this.#watches.get(resource, name)
    try {
      return await this.client.get(resource, { namespace: this.namespace, name }, patient())
    } catch (error) {
      if (error instanceof NotFound) return undefined
      throw error
    }
  }

  async #list<T extends KubeObject>(resource: Resource<T>): Promise<T[]> {
    if (this.#watches.isLooking) return this.#watches.list(resource)
    return (await this.client.listPage(resource, this.namespace, {}, patient())).items
  }
}
