import type { RunnerReason } from '../../api/reasons.ts'
import { BadTemplate } from '../../domain/runner/template.ts'
import { quotaMessage } from '../../domain/pod/quota.ts'
import { ApiError, Forbidden, Invalid, NamespaceTerminating } from '../../kube/client/errors.ts'

/** What a Runner says when its pod was refused. Stopping: for good. Starting: worth another try. */
export interface Refusal {
  phase: 'Starting' | 'Stopping'
  reason: RunnerReason
  message: string
}

/** Pod Security, webhooks (with any code) and policies (422, if they name no other): the same pod is refused again. */
const deniedForGood =
  /violates PodSecurity|admission webhook .* denied the request|ValidatingAdmissionPolicy .* denied request/

/** What admission refuses has a name; a missing right on `pods` as a whole has none, and one on a pod names the user. */
const refusedByAdmission = /^pods "[^"]*" is forbidden: (?!User ")/

/** The API server does not know us, is at odds with somebody else's write, or is overloaded: nothing about the pod. */
const passing = new Set([401, 409, 429, 503])

/** The API server's own storage, and a pod that went while we looked. */
const passingWords = /^etcdserver: |^pods "[^"]*" not found$/

/**
 * Reads why a pod was refused; undefined where the error is about our connection, and the same again may do. The API
 * server answers quota, Pod Security and webhooks with the same code as missing rights and no cause that distinguishes them, so
 * their fixed phrases are looked for, here and nowhere else. What admission refuses for other reasons can be put right
 * without the pod (a missing ServiceAccount, a LimitRange), and some of it passes by itself, as in a namespace that was
 * just made. All other refusals, as of a webhook that does not answer, may pass as well.
 */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof BadTemplate) return forGood('InvalidPod', error.message)
  // Where the whole namespace goes, there is nothing to say of one pod.
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
 * Whether a refusal is as before: a LimitRange lists what it minds in an order of chance, and an API
 * server that cannot reach a webhook names the port that it calls from.
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
