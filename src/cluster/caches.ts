import { type ConfigMap, configMaps } from '../api/config-map.ts'
import {
  DELEGATION_KEY_ANNOTATION,
  JOB_LABEL,
  LEDGER_NAME,
  PROXY,
  RUNNER_LABEL,
  RUNNER_TYPE_LABEL,
  runnerKey,
} from '../api/names.ts'
import { keyOf, type KubeObject, type Resource } from '../api/object.ts'
import { type Pod, pods } from '../api/pod.ts'
import { type RunnerJob, runnerJobs } from '../api/runner-job.ts'
import { type RunnerPool, runnerPools } from '../api/runner-pool.ts'
import { type Runner, runners } from '../api/runner.ts'
import { Reflector, type ReflectorMetrics, type ReflectorOptions } from '../kube/cache/reflector.ts'
import { Store } from '../kube/cache/store.ts'
import type { KubeClient } from '../kube/client/client.ts'
import { type Lease, leases } from '../kube/election/lease.ts'
import type { Log } from '../kube/runtime/logger.ts'
import { JobTotals } from './job-totals.ts'
import { isPodOf, projectPod } from './project-pod.ts'

/** The part of a Reflector that does not depend on its kind. */
export type Watched = Pick<Reflector<KubeObject>, 'run' | 'relist' | 'lastContactMs' | 'isBroken'>

/** What every replica knows of the cluster: one cache for each kind, kept up by one watch each. */
export interface Caches {
  jobs: Store<RunnerJob>
  runners: Store<Runner>
  pods: Store<Pod>
  pools: Store<RunnerPool>
  /** Those of proxy runners. */
  leases: Store<Lease>
  /** Holds one ConfigMap at most: the ledger of job totals. */
  ledgers: Store<ConfigMap>
  totals: JobTotals
  /** They fill all but `ledgers`, without which only totals and deletions wait. */
  reflectors: readonly Watched[]
}

/** Caches with all that fills them. */
export interface ReflectedCaches extends Caches {
  ledgerReflector: Watched
}

export interface CachesOptions {
  client: KubeClient
  namespace: string
  log: Log
  metrics?: ReflectorMetrics
}

/** Empty caches that nothing fills. */
export function makeStores(log: Log): Omit<Caches, 'reflectors'> {
  const jobs = new Store<RunnerJob>({
    log,
    indexes: {
      delegation: delegationKeys,
      repository: ({ spec }) => [spec.repository],
      uid: ({ metadata }) => [metadata.uid],
    },
  })
  const ledgers = new Store<ConfigMap>({ log })
  return {
    jobs,
    runners: new Store<Runner>({ log, indexes: { type: ({ spec }) => [spec.type] } }),
    pods: new Store<Pod>({ log, indexes: { job: jobKeys }, transform: projectPod }),
    pools: new Store<RunnerPool>({ log }),
    leases: new Store<Lease>({ log }),
    ledgers,
    totals: new JobTotals({ jobs, ledgers, log }),
  }
}

/** Makes the caches; nothing is read before their reflectors run. */
export function makeCaches({ client, namespace, log, metrics }: CachesOptions): ReflectedCaches {
  const stores = makeStores(log)
  const common = { client, namespace, log, ...(metrics !== undefined && { metrics }) }
  const reflect = <T extends KubeObject>(resource: Resource<T>, store: Store<T>, selectors: Selectors = {}): Watched =>
    new Reflector({ ...common, resource, store, ...selectors })
  return {
    ...stores,
    reflectors: [
      reflect(runnerJobs, stores.jobs),
      reflect(runners, stores.runners),
      reflect(pods, stores.pods, { labelSelector: RUNNER_LABEL }),
      reflect(runnerPools, stores.pools),
      reflect(leases, stores.leases, { labelSelector: `${RUNNER_TYPE_LABEL}=${PROXY}` }),
    ],
    ledgerReflector: reflect(configMaps, stores.ledgers, { fieldSelector: `metadata.name=${LEDGER_NAME}` }),
  }
}

type Selectors = Pick<ReflectorOptions<KubeObject>, 'labelSelector' | 'fieldSelector'>

function delegationKeys({ metadata }: RunnerJob): string[] {
  const key = metadata.annotations?.[DELEGATION_KEY_ANNOTATION]
  return key === undefined ? [] : [key]
}

/** The cache key of the job that a Runner or pod was made for. */
export function jobKeyOf(object: KubeObject): string | undefined {
  const name = object.metadata.labels?.[JOB_LABEL]
  return name === undefined ? undefined : `${object.metadata.namespace ?? ''}/${name}`
}

type Shown = Pick<Caches, 'jobs' | 'runners'>

/** Calls back with the key of each job that is there, and from now on of each that may be shown differently. */
export function followShownJobs(caches: Shown, onJob: (key: string) => void): void {
  for (const job of caches.jobs.list()) onJob(keyOf(job))
  caches.jobs.onChange(({ key }) => onJob(key))
  // A job with a Runner is shown as assigned before that is written.
  caches.runners.onChange(({ old, now }) => {
    const runner = now ?? old
    const key = runner === undefined ? undefined : jobKeyOf(runner)
    if (key !== undefined) onJob(key)
  })
}

/** Calls back with the key of each Runner that is there, and from now on of each that may be shown differently. */
export function followShownRunners(caches: Shown, onRunner: (key: string) => void): void {
  for (const runner of caches.runners.list()) onRunner(keyOf(runner))
  caches.runners.onChange(({ key }) => onRunner(key))
  // The Runner of a job that is over is shown as stopping, though nothing is written of it.
  caches.jobs.onChange(({ old, now }) => {
    const job = now ?? old
    if (job !== undefined) onRunner(runnerKey(job))
  })
}

function jobKeys(pod: Pod): string[] {
  const key = jobKeyOf(pod)
  return key === undefined ? [] : [key]
}

/** The job that this very Runner was made for, if it is known. */
export function jobOf(caches: Caches, runner: Runner): RunnerJob | undefined {
  const job = caches.jobs.get(jobKeyOf(runner) ?? '')
  return job?.metadata.uid === runner.spec.jobRef?.uid ? job : undefined
}

/** The Runner of this very job, if it is known. */
export function runnerOf(caches: Caches, job: RunnerJob): Runner | undefined {
  const runner = caches.runners.get(runnerKey(job))
  return runner?.spec.jobRef?.uid === job.metadata.uid ? runner : undefined
}

/** The pod of this very job, if it is known. It bears the name of the Runner. */
export function podOf(caches: Caches, job: RunnerJob): Pod | undefined {
  const pod = caches.pods.get(runnerKey(job))
  return pod !== undefined && isPodOf(pod, job) ? pod : undefined
}
