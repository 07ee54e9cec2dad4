import { hash } from 'node:crypto'

/** Label, annotation and finalizer keys. */
export const GROUP = 'runnerhub.dev'
export const VERSION = 'v1'
export const API_VERSION = `${GROUP}/${VERSION}`

export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by'
export const MANAGED_BY = 'runnerhub'

// Labels are for selectors. Ownership is in owner references and `spec.jobRef`.

/** On Runners and pods: the name of the RunnerJob. */
export const JOB_LABEL = `${GROUP}/job`
/** On Runners and pods: the UID of the RunnerJob. */
export const JOB_UID_LABEL = `${GROUP}/job-uid`
/** On pods: the name of the Runner. Network policies select by it. */
export const RUNNER_LABEL = `${GROUP}/runner`
/** On Runners and pods: the name of the RunnerPool whose limits they count towards. */
export const POOL_LABEL = `${GROUP}/pool`

/** On pods of pools that want it: the repository of the job, as a label value. */
export const REPOSITORY_LABEL = `${GROUP}/repository`
/** On pods of pools that want it: the workflow of the job, as a label value. */
export const WORKFLOW_LABEL = `${GROUP}/workflow`

/** On the DaemonSets that keep a pool's images on its nodes, and on their pods: the name of the pool. */
export const PRE_PULL_LABEL = `${GROUP}/images-of`
/** On the same: the processor architecture of their nodes. */
export const ARCHITECTURE_LABEL = `${GROUP}/architecture`
/** On these DaemonSets: hash of what the operator wanted when it wrote them. */
export const PRE_PULL_ANNOTATION = `${GROUP}/wanted`

/** On pods of a pool of mode Worker: that mode. */
export const MODE_LABEL = `${GROUP}/mode`
/** On the Lease and the Secrets of a message: which of a job's attempts to hand it over made them. */
export const MESSAGE_LABEL = `${GROUP}/message`
/** On the Lease of a message: the number of its Secrets. */
export const PARTS_ANNOTATION = `${GROUP}/message-parts`

/** On ConfigMaps with a part of a job's log: the UID of the pod that wrote it. */
export const LOG_LABEL = `${GROUP}/log`
/** On the same: the bytes that the part takes. */
export const LOG_BYTES_ANNOTATION = `${GROUP}/log-bytes`

/** On proxy Runners and their Leases. */
export const RUNNER_TYPE_LABEL = `${GROUP}/runner-type`
export const PROXY = 'proxy'

/** On pods: which container's exit code is the job's. */
export const CONTAINER_ANNOTATION = `${GROUP}/job-container`
/** On RunnerJobs created by the facade: hash of the fields that identify the delegation. */
export const DELEGATION_KEY_ANNOTATION = `${GROUP}/delegation-key`
/** On RunnerJobs created by the facade: the user name of the caller. */
export const DELEGATED_BY_ANNOTATION = `${GROUP}/delegated-by`
/** On RunnerJobs delegated with an Idempotency-Key: hash of the delegation's facts. */
export const DELEGATION_BODY_ANNOTATION = `${GROUP}/delegation-body`

/** Holds a runner pod until its outcome is stored in the RunnerJob. */
export const OUTCOME_FINALIZER = `${GROUP}/outcome`

/** The ConfigMap that counts finished jobs after their deletion. */
export const LEDGER_NAME = 'runnerhub-job-totals'

/** The name of a proxy runner's Runner and Lease: a hash, since its own name is free text. */
export function proxyName(displayName: string): string {
  return `proxy-${hash('sha256', displayName).slice(0, 20)}`
}

/** The cache key of the Runner and the Lease of a proxy runner. */
export function proxyKey(namespace: string | undefined, displayName: string): string {
  return `${namespace ?? ''}/${proxyName(displayName)}`
}

/** The lookup key of a repository: GitHub ignores the case of repository names. */
export function repositoryKey(repository: string): string {
  return repository.toLowerCase()
}
