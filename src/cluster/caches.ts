import { type ConfigMap, configMaps } from '../api/config-map.ts'
import {
  DELEGATION_KEY_ANNOTATION,
  JOB_LABEL,
  LEDGER_NAME,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  MESSAGE_LABEL,
  PRE_PULL_LABEL,
  PROXY,
  proxyKey,
  repositoryKey,
  RUNNER_TYPE_LABEL,
} from '../api/names.ts'
import { keyOf, type KubeObject, type Resource } from '../api/object.ts'
import { isOwnPod, isPrePullPod, type Pod, pods } from '../api/pod.ts'
import { type RunnerJob, runnerJobs } from '../api/runner-job.ts'
import { type RunnerPool, runnerPools } from '../api/runner-pool.ts'
import { type Runner, runners } from '../api/runner.ts'
import { SharedStrings } from '../collections/shared-strings.ts'
import { isFinished } from '../domain/job/phases.ts'
import { runnerKey } from '../domain/runner/keys.ts'
import { History } from '../kube/cache/history.ts'
import { Reflector, type ReflectorMetrics, type ReflectorOptions } from '../kube/cache/reflector.ts'
import { Store } from '../kube/cache/store.ts'
import { withoutManagedFields } from '../kube/cache/transform.ts'
import type { KubeClient } from '../kube/client/client.ts'
import { type Lease, leases } from '../kube/election/lease.ts'
import type { Log } from '../kube/runtime/logger.ts'
import { jobKeyOf } from './job-places.ts'
import { JobTotals } from './job-totals.ts'
import { PodRunners } from './pod-runners.ts'
import { PodStates } from './pod-states.ts'
import { projectPrePullPod } from './project-pre-pull-pod.ts'
import { projectPod } from './project-pod.ts'
import { ProxyJobs } from './proxy-jobs.ts'
import { QueuePositions } from './queue-positions.ts'
import { RetriedJobs } from './retried-jobs.ts'

export { followShownJobs, jobKeyOf, podOf, previousPodOf, runnerOf } from './job-places.ts'

/** The members of a Reflector that do not depend on its kind. */
export type Watched = Pick<Reflector<KubeObject>, 'run' | 'relist' | 'lastContactMs' | 'isBroken'>

/** The informer caches of a replica: one cache and one watch for each kind. */
export interface Caches {
  jobs: Store<RunnerJob>
  runners: Store<Runner>
  /** The pods of Runners, whatever their labels are. */
  pods: Store<Pod>
  /** The pods that keep images of pools on nodes. The watch of `pods` fills it too. */
  prePullPods: Store<Pod>
  pools: Store<RunnerPool>
  /** The Leases of proxy runners, and those that hold the messages of handed-over jobs. */
  leases: Store<Lease>
  /** At most one ConfigMap: the ledger of job totals. */
  ledgers: Store<ConfigMap>
  totals: JobTotals
  podRunners: PodRunners
  podStates: PodStates
  proxyJobs: ProxyJobs
  queuePositions: QueuePositions
  retriedJobs: RetriedJobs
  /** The history of the cluster that all caches follow. */
  history: History
  /** The reflectors of all caches except `ledgers`: without that, only totals and deletions wait. */
  reflectors: readonly Watched[]
  /** The reflector of `pods`, if there is one. */
  podReflector?: Pick<Watched, 'lastContactMs'>
}

/** Caches with all of their reflectors. */
export interface ReflectedCaches extends Caches {
  ledgerReflector: Watched
}

export interface CachesOptions {
  client: KubeClient
  namespace: string
  log: Log
  metrics?: ReflectorMetrics
  /** How many repositories have series of their own. */
  mostRepositories: number
}

/** How many strings the caches recognise when they come again: those of some hundred jobs. */
const MOST_STRINGS = 8192

/** Empty caches without reflectors. */
export function makeStores(log: Log, mostRepositories = 20): Omit<Caches, 'reflectors' | 'podReflector'> {
  // The objects of one job repeat its names and UIDs, and come one after the other.
  const strings = new SharedStrings(MOST_STRINGS)
  const sharing = <T extends KubeObject>(object: T): T => strings.within(withoutManagedFields(object))
  const jobs = new Store<RunnerJob>({
    log,
    transform: sharing,
    indexes: {
      delegation: delegationKeys,
      repository: ({ spec }) => [repositoryKey(spec.repository)],
      uid: ({ metadata }) => [metadata.uid],
      proxy: handingProxies,
      retried: retryingPools,
    },
  })
  const runnerStore = new Store<Runner>({ log, transform: sharing, indexes: { type: ({ spec }) => [spec.type] } })
  const prePullPods = new Store<Pod>({
    log,
    includes: isPrePullPod,
    transform: projectPrePullPod,
    indexes: { pool: prePulledPools },
  })
  // A pod that was ours stays ours, whatever is removed from it: its UID is its identity.
  const isKnownPod = (pod: Pod): boolean => podStore.get(keyOf(pod))?.metadata.uid === pod.metadata.uid
  const podStore: Store<Pod> = new Store({
    log,
    includes: (pod) => isOwnPod(pod) || isKnownPod(pod),
    transform: (pod) => strings.within(projectPod(pod)),
    beside: prePullPods,
    indexes: { node: ({ spec }) => (spec.nodeName === undefined ? [] : [spec.nodeName]) },
  })
  const podStates = new PodStates(podStore)
  const ledgers = new Store<ConfigMap>({ log, includes: ({ metadata }) => metadata.name === LEDGER_NAME })
  const pools = new Store<RunnerPool>({ log })
  const podRunners = new PodRunners(runnerStore, podStore)
  return {
    jobs,
    runners: runnerStore,
    pods: podStore,
    prePullPods,
    pools,
    leases: new Store<Lease>({ log, includes: isKnownLease, indexes: { job: messageJobKeys } }),
    ledgers,
    totals: new JobTotals({ jobs, ledgers, mostRepositories, log }),
    podRunners,
    podStates,
    proxyJobs: new ProxyJobs(jobs),
    queuePositions: new QueuePositions({ jobs, runners: runnerStore, pods: podStore, pools, podRunners }),
    retriedJobs: new RetriedJobs(jobs),
    history: new History(),
  }
}

/** Creates the caches and their reflectors; nothing is read before the reflectors run. */
export function makeCaches({ client, namespace, log, metrics, mostRepositories }: CachesOptions): ReflectedCaches {
  const stores = makeStores(log, mostRepositories)
  const { history } = stores
  const common = { client, namespace, log, history, ...(metrics !== undefined && { metrics }) }
  const reflect = <T extends KubeObject>(resource: Resource<T>, store: Store<T>, selectors: Selectors = {}): Watched =>
    new Reflector({ ...common, resource, store, ...selectors })
  // No selector: pods can lose labels, and the store itself keeps only our pods.
  const podReflector = reflect(pods, stores.pods)
  return {
    ...stores,
    podReflector,
    reflectors: [
      reflect(runnerJobs, stores.jobs),
      reflect(runners, stores.runners),
      podReflector,
      reflect(runnerPools, stores.pools),
      reflect(leases, stores.leases, { labelSelector: `${MANAGED_BY_LABEL}=${MANAGED_BY}` }),
    ],
    ledgerReflector: reflect(configMaps, stores.ledgers, { fieldSelector: `metadata.name=${LEDGER_NAME}` }),
  }
}

type Selectors = Pick<ReflectorOptions<KubeObject>, 'labelSelector' | 'fieldSelector'>

/** The key of the pool whose images a pod keeps on its node. */
function prePulledPools({ metadata }: Pod): string[] {
  const name = metadata.labels?.[PRE_PULL_LABEL]
  return name === undefined ? [] : [`${metadata.namespace ?? ''}/${name}`]
}

/** The proxy runner that handed the job over and waits for its end. */
function handingProxies(job: RunnerJob): string[] {
  const { message, runnerName = '' } = job.spec
  const isWaitedFor = message !== undefined && runnerName !== '' && !isFinished(job)
  return isWaitedFor ? [proxyKey(job.metadata.namespace, runnerName)] : []
}

/** The keys of the pools in which attempts of the job ended and others followed. */
function retryingPools({ metadata, status }: RunnerJob): string[] {
  const names = new Set(status.attempts?.map(({ poolName }) => poolName))
  return [...names].map((poolName) => `${metadata.namespace ?? ''}/${poolName}`)
}

function delegationKeys({ metadata }: RunnerJob): string[] {
  const key = metadata.annotations?.[DELEGATION_KEY_ANNOTATION]
  return key === undefined ? [] : [key]
}

/** Whether the cache keeps a Lease: of a proxy runner or of a message. */
function isKnownLease(lease: Lease): boolean {
  return lease.metadata.labels?.[RUNNER_TYPE_LABEL] === PROXY || isMessageLease(lease)
}

/** Whether a Lease holds a message; the others are those of proxy runners. */
export function isMessageLease({ metadata }: Lease): boolean {
  return metadata.labels?.[MESSAGE_LABEL] !== undefined
}

/** The cache key of the job whose message a Lease holds. The job is its holder: a label may be removed. */
export function messageJobKey({ metadata, spec }: Lease): string | undefined {
  const { [MESSAGE_LABEL]: id, [JOB_LABEL]: label } = metadata.labels ?? {}
  const name = spec?.holderIdentity ?? label
  return id === undefined || name === undefined ? undefined : `${metadata.namespace ?? ''}/${name}`
}

function messageJobKeys(lease: Lease): string[] {
  const key = messageJobKey(lease)
  return key === undefined ? [] : [key]
}

type Shown = Pick<Caches, 'jobs' | 'runners'>

/** Calls back with the key of each existing Runner, and later of each Runner whose shown state may have changed. */
export function followShownRunners(caches: Shown, onRunner: (key: string) => void): void {
  for (const runner of caches.runners.list()) onRunner(keyOf(runner))
  caches.runners.onChange(({ key }) => onRunner(key))
  // The Runner of a finished job is shown as stopping without a write to the Runner.
  caches.jobs.onChange(({ old, now }) => {
    const job = now ?? old
    if (job !== undefined) onRunner(runnerKey(job))
  })
}

/** The job that this very Runner was created for, if it is in the cache. */
export function jobOf(caches: Caches, runner: Runner): RunnerJob | undefined {
  const job = caches.jobs.get(jobKeyOf(runner) ?? '')
  return job?.metadata.uid === runner.spec.jobRef?.uid ? job : undefined
}
