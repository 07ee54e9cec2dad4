import { configMaps } from '../api/config-map.ts'
import { LEDGER_NAME, MANAGED_BY, MANAGED_BY_LABEL, OUTCOME_FINALIZER, RUNNER_LABEL } from '../api/names.ts'
import type { KubeObject, Resource } from '../api/object.ts'
import { podDisruptionBudgets } from '../api/pod-disruption-budget.ts'
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
const POLL_MS = 1000
/** How long to wait for terminating pods. */
const TERMINATION_TIMEOUT_MS = 30_000

export interface CleanUpOptions {
  client: KubeClient
  clock: Clock
  log: Log
  namespace: string
  /** The operator's Deployment. */
  deployment: string
  leaseName: string
}

/**
 * Removes everything that only the operator could release: stops the operator, so that it starts nothing new, removes
 * our finalizer from all runner pods, and deletes these, the Runners, the budgets of the pools, the Lease and the ledger
 * of job totals.
 * RunnerJobs and RunnerPools stay. Every step is idempotent: the task can run again.
 */
export async function cleanUp(options: CleanUpOptions, signal: AbortSignal): Promise<void> {
  const { client, clock, log, namespace, leaseName } = options
  const operators = await stopOperator(options, signal)
  const until = clock.monotonicMs() + TERMINATION_TIMEOUT_MS
  for (;;) {
    // Checked before the list, so that the list includes what an operator created last.
    const isStopped = operators === undefined || !(await isRunning(client, namespace, selectorOf(operators), signal))
    const remaining = await runnerPods(client, namespace, signal)
    for (const pod of remaining) await release(client, pod, signal)
    if (isStopped) await removeAll(options, remaining, signal)
    if (isStopped && (remaining.length === 0 || (remaining.every(isTerminating) && clock.monotonicMs() > until))) {
      if (remaining.length > 0) log.warn({ pods: remaining.map(nameOf) }, 'pods are still terminating')
      break
    }
    log.info({ isStopped, runnerPods: remaining.length }, 'cleaning up')
    await clock.sleep(POLL_MS, signal)
  }
  // The pod of `helm test` stays for its log; only its component label differs.
  if (operators !== undefined)
    await removePods(options, { labelSelector: selectorOf({ ...operators, [COMPONENT_LABEL]: 'test' }) }, signal)
  const ofPools = { labelSelector: selectorOf({ [MANAGED_BY_LABEL]: MANAGED_BY }), propagationPolicy: 'Background' }
  await client.request('DELETE', resourcePath(podDisruptionBudgets, namespace), { query: ofPools }, signal)
  await unlessGone(client.delete(leases, { namespace, name: leaseName }, {}, signal))
  await unlessGone(client.delete(configMaps, { namespace, name: LEDGER_NAME }, {}, signal))
  log.info({}, 'cleaned up all but RunnerJobs and RunnerPools')
}

/** Whether a pod is being deleted and has no finalizer of ours. */
function isTerminating(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined && !isHeldPod(pod)
}

function nameOf({ metadata }: Pod): string {
  return metadata.name
}

/** Scales the operator down and returns the labels of its pods; undefined if there is none. */
async function stopOperator(options: CleanUpOptions, signal: AbortSignal): Promise<Labels | undefined> {
  const { client, log, namespace, deployment: name } = options
  const key = { namespace, name }
  const deployment = await client.find(deployments, key, signal)
  if (deployment === undefined) return undefined
  await unlessGone(client.patchMerge(deployments, key, { spec: { replicas: 0 } }, signal, 'scale'))
  log.info({ deployment: name }, 'scaled the operator to 0 replicas')
  return deployment.spec.selector.matchLabels
}

function selectorOf(labels: Labels): string {
  return Object.entries(labels)
    .map(([label, value]) => `${label}=${value}`)
    .join(',')
}

/** Deletes all Runners and runner pods; pods with our finalizer stay until it is removed. */
async function removeAll(options: CleanUpOptions, remaining: readonly Pod[], signal: AbortSignal): Promise<void> {
  const { client, namespace } = options
  const query = { propagationPolicy: 'Background' }
  await client.request('DELETE', resourcePath(runners, namespace), { query }, signal)
  await removePods(options, { labelSelector: RUNNER_LABEL }, signal)
  for (const { metadata } of remaining) {
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

/** Removes our finalizer from a pod. If the list of finalizers has changed meanwhile, the next round retries. */
async function release(client: KubeClient, pod: Pod, signal: AbortSignal): Promise<void> {
  try {
    await removeFinalizer(client, pods, pod, OUTCOME_FINALIZER, signal)
  } catch (error) {
    if (!(error instanceof Invalid)) throw error
  }
}

/** Whether any operator pod has not ended; an evicted pod remains as Failed. */
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
 * Lists all runner pods, including those without their labels. Reads all pages: pods of the first may terminate slowly
 * while later ones wait for their release.
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

async function unlessGone<T>(response: Promise<T>): Promise<T | undefined> {
  try {
    return await response
  } catch (error) {
    if (error instanceof NotFound) return undefined
    throw error
  }
}
