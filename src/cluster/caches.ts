import { type ConfigMap, configMaps } from '../api/config-map.ts'
import { DELEGATION_KEY_ANNOTATION, LEDGER_NAME, PROXY, repositoryKey, RUNNER_TYPE_LABEL } from '../api/names.ts'
import { keyOf, type KubeObject, type Resource } from '../api/object.ts'
import { isOwnPod, type Pod, pods } from '../api/pod.ts'
import { type RunnerJob, runnerJobs } from '../api/runner-job.ts'
import { type RunnerPool, runnerPools } from '../api/runner-pool.ts'
import { type Runner, runners } from '../api/runner.ts'
import { runnerKey } from '../domain/runner/keys.ts'
import { Reflector, type ReflectorMetrics, type ReflectorOptions } from '../kube/cache/reflector.ts'
import { Store } from '../kube/cache/store.ts'
import type { KubeClient } from '../kube/client/client.ts'
import { type Lease, leases } from '../kube/election/lease.ts'
import type { Log } from '../kube/runtime/logger.ts'
import { JobTotals } from './job-totals.ts'
import { PodRunners } from './pod-runners.ts'
import { PodStates } from './pod-states.ts'
import { projectPod } from './project-pod.ts'
import { ProxyJobs } from './proxy-jobs.ts'

/** The part of a Reflector that does not depend on its kind. */
export type Watched = Pick<Reflector<KubeObject>, 'run' | 'relist' | 'lastContactMs' | 'isBroken'>

/** What every replica knows of the cluster: one cache for each kind, kept up by one watch each. */
export interface Caches {
  jobs: Store<RunnerJob>
  runners: Store<Runner>
  /** Those of Runners, whatever their labels say. */
  pods: Store<Pod>
  pools: Store<RunnerPool>
  /** Those of proxy runners. */
  leases: Store<Lease>
  /** Holds one ConfigMap at most: the ledger of job totals. */
  ledgers: Store<ConfigMap>
  totals: JobTotals
  podRunners: PodRunners
  podStates: PodStates
  proxyJobs: ProxyJobs
  /** They fill all but `ledgers`, without which only totals and deletions wait. */
  reflectors: readonly Watched[]
  /** The one of them that fills `pods`; absent where nothing does. */
  podReflector?: Pick<Watched, 'lastContactMs'>
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
export function makeStores(log: Log): Omit<Caches, 'reflectors' | 'podReflector'> {
  const jobs = new Store<RunnerJob>({
    log,
    indexes: {
      delegation: delegationKeys,
      repository: ({ spec }) => [repositoryKey(spec.repository)],
      uid: ({ metadata }) => [metadata.uid],
    },
  })
  const runnerStore = new Store<Runner>({ log, indexes: { type: ({ spec }) => [spec.type] } })
  const podStore = new Store<Pod>({ log, includes: isOwnPod, transform: projectPod })
  const ledgers = new Store<ConfigMap>({ log, includes: ({ metadata }) => metadata.name === LEDGER_NAME })
  return {
    jobs,
    runners: runnerStore,
    pods: podStore,
    pools: new Store<RunnerPool>({ log }),
    leases: new Store<Lease>({ log, includes: isProxyLease }),
    ledgers,
    totals: new JobTotals({ jobs, ledgers, log }),
    podRunners: new PodRunners(runnerStore, podStore),
    podStates: new PodStates(),
    proxyJobs: new ProxyJobs(jobs),
  }
}

/** Makes the caches; nothing is read before their reflectors run. */
export function makeCaches({ client, namespace, log, metrics }: CachesOptions): ReflectedCaches {
  const stores = makeStores(log)
  const common = { client, namespace, log, ...(metrics !== undefined && { metrics }) }
  const reflect = <T extends KubeObject>(resource: Resource<T>, store: Store<T>, selectors: Selectors = {}): Watched =>
    new Reflector({ ...common, resource, store, ...selectors })
  // Without a selector: labels can be lost, and the store itself sees what is ours.
  const podReflector = reflect(pods, stores.pods)
  return {
    ...stores,
    podReflector,
    reflectors: [
      reflect(runnerJobs, stores.jobs),
      reflect(runners, stores.runners),
      podReflector,
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

/** As the selector says. Whose it is, its owner reference says. */
function isProxyLease({ metadata }: Lease): boolean {
  return metadata.labels?.[RUNNER_TYPE_LABEL] === PROXY
}

/** The cache key of the job that a Runner was made for. */
export function jobKeyOf({ metadata, spec }: Runner): string | undefined {
  return spec.jobRef === undefined ? undefined : `${metadata.namespace ?? ''}/${spec.jobRef.name}`
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

/** The pod of this very job, if it is known. It has the name of the Runner. */
export function podOf(caches: Caches, job: RunnerJob): Pod | undefined {
  const pod = caches.pods.get(runnerKey(job))
  return pod !== undefined && caches.podRunners.isPodOf(pod, job) ? pod : undefined
}
