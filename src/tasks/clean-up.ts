import { configMaps } from '../api/config-map.ts'
import { LEDGER_NAME, OUTCOME_FINALIZER, RUNNER_LABEL } from '../api/names.ts'
import type { KubeObject, Resource } from '../api/object.ts'
import { isHeldPod, isOwnPod, type Pod, pods } from '../api/pod.ts'
import { runners } from '../api/runner.ts'
import type { KubeClient } from '../kube/client/client.ts'
import { Invalid, NotFound } from '../kube/client/errors.ts'
import { resourcePath } from '../kube/client/resource-path.ts'
import { leases } from '../kube/election/lease.ts'
import { removeFinalizer } from '../kube/client/finalizer.ts'
import type { Clock } from '../kube/runtime/clock.ts'
import type { Log } from '../kube/runtime/logger.ts'

type Labels = Record<string, string>

interface Deployment extends KubeObject {
  spec: { selector: { matchLabels: Labels } }
}

const deployments: Resource<Deployment> = { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment' }

const COMPONENT_LABEL = 'app.kubernetes.io/component'

/** Pods on one page of a list. */
const PAGE = 500
const LOOK_AGAIN_MS = 1000
/** How long pods that are being deleted are waited for. */
const PATIENCE_MS = 30_000

export interface CleanUpOptions {
  client: KubeClient
  clock: Clock
  log: Log
  namespace: string
  /** The operator's own. */
  deployment: string
  leaseName: string
}

/**
 * Leaves nothing behind that only the operator could let go of: stops it, so that nothing new is begun, takes our
 * finalizer off all runner pods, and deletes these, the Runners, the Lease and the ledger of job totals. RunnerJobs and
 * RunnerPools stay. Everything may have happened already; it can be done again.
 */
export async function cleanUp(options: CleanUpOptions, signal: AbortSignal): Promise<void> {
  const { client, clock, log, namespace, leaseName } = options
  const operators = await stopOperator(options, signal)
  const until = clock.monotonicMs() + PATIENCE_MS
  for (;;) {
    // Asked first: what an operator makes in its last moments is seen by the list that comes after.
    const isStopped = operators === undefined || !(await isRunning(client, namespace, selectorOf(operators), signal))
    const left = await runnerPods(client, namespace, signal)
    for (const pod of left) await release(client, pod, signal)
    if (isStopped) await removeAll(options, left, signal)
    if (isStopped && (left.length === 0 || (left.every(isGoing) && clock.monotonicMs() > until))) {
      if (left.length > 0) log.warn({ pods: left.map(nameOf) }, 'these are being deleted and need nobody for it')
      break
    }
    log.info({ isStopped, runnerPods: left.length }, 'cleaning up')
    await clock.sleep(LOOK_AGAIN_MS, signal)
  }
  // The pod of `helm test`, which stays for its log, has the same labels but for one.
  if (operators !== undefined)
    await removePods(options, { labelSelector: selectorOf({ ...operators, [COMPONENT_LABEL]: 'test' }) }, signal)
  await unlessGone(client.delete(leases, { namespace, name: leaseName }, {}, signal))
  await unlessGone(client.delete(configMaps, { namespace, name: LEDGER_NAME }, {}, signal))
  log.info({}, 'nothing is left but RunnerJobs and RunnerPools')
}

/** Whether a pod will go without us. */
function isGoing(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined && !isHeldPod(pod)
}

function nameOf({ metadata }: Pod): string {
  return metadata.name
}

/** Scales the operator down and returns the labels of its pods; undefined where there is none. */
async function stopOperator(options: CleanUpOptions, signal: AbortSignal): Promise<Labels | undefined> {
  const { client, log, namespace, deployment: name } = options
  const key = { namespace, name }
  const deployment = await unlessGone(client.get(deployments, key, signal))
  if (deployment === undefined) return undefined
  await unlessGone(client.patchMerge(deployments, key, { spec: { replicas: 0 } }, signal, 'scale'))
  log.info({ deployment: name }, 'the operator is told to stop')
  return deployment.spec.selector.matchLabels
}

function selectorOf(labels: Labels): string {
  return Object.entries(labels)
    .map(([label, value]) => `${label}=${value}`)
    .join(',')
}

/** Deletes all Runners and runner pods; pods that we still hold wait for their turn to be released. */
async function removeAll(options: CleanUpOptions, left: readonly Pod[], signal: AbortSignal): Promise<void> {
  const { client, namespace } = options
  const query = { propagationPolicy: 'Background' }
  await client.request('DELETE', resourcePath(runners, namespace), { query }, signal)
  await removePods(options, { labelSelector: RUNNER_LABEL }, signal)
  for (const { metadata } of left) {
    if (metadata.labels?.[RUNNER_LABEL] !== undefined) continue
    await removePods(options, { fieldSelector: `metadata.name=${metadata.name}` }, signal)
  }
}

async function removePods(
  { client, namespace }: Pick<CleanUpOptions, 'client' | 'namespace'>,
  selector: { labelSelector: string } | { fieldSelector: string },
  signal: AbortSignal,
): Promise<void> {
  const query = { propagationPolicy: 'Background', ...selector }
  await client.request('DELETE', resourcePath(pods, namespace), { query }, signal)
}

/** Takes our finalizer off a pod. Where the list of finalizers has changed meanwhile, the next turn does it. */
async function release(client: KubeClient, pod: Pod, signal: AbortSignal): Promise<void> {
  try {
    await removeFinalizer(client, pods, pod, OUTCOME_FINALIZER, signal)
  } catch (error) {
    if (!(error instanceof Invalid)) throw error
  }
}

/** Whether a pod is there that may still do something; one that was evicted stays as Failed. */
async function isRunning(
  client: KubeClient,
  namespace: string,
  labelSelector: string,
  signal: AbortSignal,
): Promise<boolean> {
  const fieldSelector = 'status.phase!=Succeeded,status.phase!=Failed'
  const { items } = await client.listPage(pods, namespace, { labelSelector, fieldSelector, limit: 1 }, signal)
  return items.length > 0
}

/**
 * All of them, also those that have lost their labels: those on the first page may take long to go, and those behind
 * them wait to be released.
 */
async function runnerPods(client: KubeClient, namespace: string, signal: AbortSignal): Promise<Pod[]> {
  let page = await client.listPage(pods, namespace, { limit: PAGE }, signal)
  const found = page.items.filter(isOwnPod)
  while (page.continue !== undefined) {
    page = await client.listPage(pods, namespace, { limit: PAGE, continue: page.continue }, signal)
    found.push(...page.items.filter(isOwnPod))
  }
  return found
}

async function unlessGone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof NotFound) return undefined
    throw error
  }
}
