import type { RunnerReason } from '../../api/reasons.ts'
import { BadTemplate } from '../../domain/runner/template.ts'
import { quotaMessage } from '../../domain/pod/quota.ts'
import { ApiError, Forbidden, Invalid, NamespaceTerminating } from '../../kube/client/errors.ts'

/** The status of a Runner whose pod was refused. Stopping: for good. Starting: worth another try. */
export interface Refusal {
  phase: 'Starting' | 'Stopping'
  reason: RunnerReason
  message: string
}

/** Pod Security, webhooks (any code) and policies (422 unless they set another code): the same pod is refused again. */
const deniedForGood =
  /violates PodSecurity|admission webhook .* denied the request|ValidatingAdmissionPolicy .* denied request/

/** An admission error names the pod; a missing right on `pods` names none, and a missing right on a pod names the user. */
const refusedByAdmission = /^pods "[^"]*" is forbidden: (?!User ")/

/** Authentication, conflict and overload: these say nothing about the pod. */
const passing = new Set([401, 409, 429, 503])

/** Errors of the API server's storage, and a pod that was deleted meanwhile. */
const passingWords = /^etcdserver: |^pods "[^"]*" not found$/

/**
 * The reason for a refused pod; undefined if the error is not about the pod and a plain retry may succeed. The API
 * server uses one status code for quota, Pod Security, webhooks and missing rights, without a distinguishing cause, so
 * only this module matches their fixed phrases. Other admission errors can be fixed without changing the pod (a missing
 * ServiceAccount, a LimitRange), and some are temporary, as in a new namespace. All other refusals, such as of a webhook
 * that does not answer, may be temporary too.
 */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof BadTemplate) return forGood('InvalidPod', error.message)
  // The whole namespace is being deleted: that is not about one pod.
  if (!(error instanceof ApiError) || error instanceof NamespaceTerminating) return undefined
  const { message } = error
  if (deniedForGood.test(message)) return forGood('AdmissionDenied', message)
  if (passing.has(error.code) || passingWords.test(message)) return undefined
  if (error instanceof Invalid || error.code === 400) return forGood('InvalidPod', message)
  if (!(error instanceof Forbidden && refusedByAdmission.test(message))) return forNow('PodCreateFailed', message)
  if (!message.includes('exceeded quota: ')) return forNow('AdmissionDenied', message)
  return forNow('QuotaExceeded', quotaMessage(message))
}

/**
 * Whether two refusals mean the same: a LimitRange lists its violations in random order, and an API server that cannot
 * reach a webhook names its own port.
 */
export function saysTheSame(one: string, other: string): boolean {
  return wordsOf(one) === wordsOf(other)
}

function wordsOf(text: string): string {
  return text
    .replaceAll(/:\d+->/g, '->')
    .split(/[^\w.-]+/)
    .toSorted()
    .join(' ')
}

function forNow(reason: RunnerReason, message: string): Refusal {
  return { phase: 'Starting', reason, message }
}

function forGood(reason: RunnerReason, message: string): Refusal {
  return { phase: 'Stopping', reason, message }
}
