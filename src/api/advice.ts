import type { NO_OPERATOR, RunnerReason } from './reasons.ts'

/** A reason in words: plain text, without markup, for a terminal, a page, an annotation at GitHub and a document alike. */
export interface Advice {
  /** What happened, or what the job waits for. */
  meaning: string
  /** What somebody can do about it. */
  help: string
}

type Advised = RunnerReason | typeof NO_OPERATOR

/** Every reason of a job, in the order of a job's life, and then those of Runners alone. docs/troubleshooting.md has the same rows. */
const advice: Readonly<Record<Advised, Advice>> = {
  NoOperator: {
    meaning: 'No operator has looked at the job yet.',
    help: 'Wait a minute. Then install the operator in this namespace, or find out why its pods do not run.',
  },
  NoMatchingPool: {
    meaning:
      'No pool offers all labels of the job, or none of those pools allows its repository, or all of them are of the other mode.',
    help: 'Compare the labels that the message names with the labels, repositories and mode of the pools. Correct the job or a pool, or create a pool; the job starts then.',
  },
  PoolNotReady: {
    meaning: 'Pools fit the job, but their templates give no valid pod, or the operator has not checked them yet.',
    help: 'Correct the template: the condition Ready of the pool has the problem. The job starts then.',
  },
  PoolPaused: {
    meaning: 'The pool is paused: no job starts in it.',
    help: 'Wait until somebody resumes the pool, or remove paused from its spec.',
  },
  PoolFull: {
    meaning: 'All slots of the pool are taken: maxRunners pods run.',
    help: 'Wait for a free slot, or raise maxRunners of the pool if the nodes have room.',
  },
  RepositoryLimit: {
    meaning: 'As many jobs of the repository run in the pool as it allows, or will once earlier ones have started.',
    help: 'Wait for one of them to end, or raise perRepository.maxRunning of the pool.',
  },
  QuotaExceeded: {
    meaning: 'A ResourceQuota of the namespace rejects the pod.',
    help: 'Wait until other pods end, or raise the quota. A pod that asks for more than the whole quota never fits: lower its requests in the template of the pool.',
  },
  AdmissionDenied: {
    meaning:
      'Pod Security, a policy or a webhook rejects the pod, or an object that the pod needs is missing, such as its ServiceAccount.',
    help: 'The message names the policy or the object. Correct the template of the pool, create the object, or ask the administrator of the policy.',
  },
  PodCreateFailed: {
    meaning: 'The API server does not accept the pod: a webhook does not answer, or the operator lacks a right.',
    help: 'Read the message: it has the response of the API server. Repair the webhook, or give the operator its rights with the chart.',
  },
  SchedulingGated: {
    meaning: 'A scheduling gate holds the pod back.',
    help: 'The system that set the gate opens it, for example Kueue. Look there why it has not.',
  },
  Unschedulable: {
    meaning: 'No node takes the pod, or no scheduler has looked at it.',
    help: 'The message says what the nodes lack. Add nodes, lower the requests, or correct tolerations, selectors or schedulerName in the template of the pool.',
  },
  VolumeUnavailable: {
    meaning: 'A volume of the pod cannot be attached or mounted.',
    help: 'Create the Secret, ConfigMap or claim that the message names, or repair the storage.',
  },
  SandboxFailed: {
    meaning: 'The node cannot set up the pod, mostly because of its network.',
    help: 'Look at the network plugin and the container runtime of the node. Cordon the node if only it fails.',
  },
  ImagePull: {
    meaning: 'The image of the pod cannot be pulled.',
    help: 'Check the name of the image, its tag, the pull secrets of the pool, and whether the nodes reach the registry.',
  },
  InvalidPod: {
    meaning: 'The template of the pool gives no valid pod, or the kubelet rejects something that the pod asks for.',
    help: 'Correct the template of the pool as the message says, and delegate the job again.',
  },
  HookFailed: {
    meaning: "The postStart hook of the job's container failed, and the kubelet ended the container.",
    help: 'Correct the hook in the template of the pool.',
  },
  ProbeFailed: {
    meaning: "The startup or liveness probe of the job's container failed, and the kubelet ended the container.",
    help: 'Correct the probe in the template of the pool, give it more time, or remove it: a job needs none.',
  },
  RunnerStarting: {
    meaning: 'The job has its slot. Its pod exists, or is about to, and the container does not run yet.',
    help: 'Wait some seconds. A large image takes longer the first time on each node.',
  },
  Running: {
    meaning: 'The container of the job runs.',
    help: 'Nothing needs to be done. Follow the log to see its progress.',
  },
  Succeeded: {
    meaning: 'The container ended with exit code 0.',
    help: 'Nothing needs to be done.',
  },
  Reported: {
    meaning: 'A proxy runner reported on the job, and so runs it outside of the cluster.',
    help: 'Look at the proxy runner for its log: the job has no pod.',
  },
  ExitCode: {
    meaning: 'The container ended with an exit code other than 0.',
    help: 'Read the log of the job: the program itself failed, and Kubernetes worked.',
  },
  RunnerVersionMismatch: {
    meaning: 'The GitHub runner in the pod has another version than that of the proxy.',
    help: 'Install the same version in both places. The message names both versions.',
  },
  OOMKilled: {
    meaning: 'The container needed more memory than its limit.',
    help: 'Raise the memory limit in the template of the pool, or make the job need less, for example with fewer parallel steps.',
  },
  Retrying: {
    meaning: 'An attempt ended early for a reason outside of the job, and another one follows after a pause.',
    help: 'Nothing needs to be done. The attempts of the job name the reason and the node of each end.',
  },
  RetryBudgetSpent: {
    meaning: 'An attempt ended early, and the pool has had as many further attempts as its budget allows.',
    help: 'Find what they have in common, such as a node or an image: the message and the attempts name the reasons. Then run the job again.',
  },
  JobTimeout: {
    meaning: 'The job waited, started or ran longer than its timeoutSeconds, or ran longer than the template allows.',
    help: 'The message names the stage and what the job waited for last. Remove that cause, or raise timeoutSeconds.',
  },
  CancelRequested: {
    meaning: 'Somebody cancelled the job, or it is being stopped for that.',
    help: 'Nothing needs to be done. Delegate the job again if it should run after all.',
  },
  ProxyLost: {
    meaning: 'The proxy runner that handed the job over missed three heartbeats, so nobody waits for the result.',
    help: 'Look at the proxy runner and its network, then run the job again.',
  },
  PodDeleted: {
    meaning: 'Somebody deleted the pod of the job, or its Runner.',
    help: 'Find the deletion in the audit log of the cluster if nobody knows of it, then run the job again.',
  },
  Drained: {
    meaning: 'The node was being drained for longer than drainDeadlineSeconds of the pool allows.',
    help: 'Run the job again. Raise drainDeadlineSeconds if drains may wait longer for jobs.',
  },
  Evicted: {
    meaning: 'The node was short of memory, disk or another resource, or was drained, and evicted the pod.',
    help: 'Run the job again. Give its pool requests that match its use, and keep drains off nodes with jobs.',
  },
  Preempted: {
    meaning: 'A pod of a higher priority took the place of the pod.',
    help: 'Run the job again. Give the pool a priority class, or separate nodes.',
  },
  NodeLost: {
    meaning: 'The node disappeared with the pod, or lost the container, for example in a crash.',
    help: 'Look at the node, then run the job again.',
  },
  HeartbeatMissed: {
    meaning: 'A proxy runner missed three heartbeats, and counts as offline. Jobs do not have this reason.',
    help: 'Look at the proxy runner and its network. It is online again with its next heartbeat or delegation.',
  },
}

/** All reasons that have advice, with it, in the order of the table. */
export const advisedReasons: readonly (readonly [reason: string, advice: Advice])[] = Object.entries(advice)

const byReason: ReadonlyMap<string, Advice> = new Map(advisedReasons)

/** What a reason means and what helps; undefined for a word that this version does not know. */
export function adviceFor(reason: string): Advice | undefined {
  return byReason.get(reason)
}
