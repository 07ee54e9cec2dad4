import type { RunnerReason } from '../../api/reasons.ts'
import { BadTemplate } from '../../domain/runner/desired-pod.ts'
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

/** What admission refuses has a name; where the operator lacks the right, nobody has come to look for one. */
const refusedByAdmission = /^pods "[^"]*" is forbidden: /

/**
 * Reads why a pod was refused; undefined where the error is not about the pod. The API server answers quota, Pod
 * Security and webhooks with the same code as missing rights and no cause to tell them by, so their fixed phrases are
 * looked for, here and nowhere else. What else admission refuses can be put right without the pod (a missing
 * ServiceAccount, a LimitRange), and some of it passes by itself, as in a namespace that was just made.
 */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof BadTemplate) return forGood('InvalidPod', error.message)
  // Where the whole namespace goes, there is nothing to say of one pod.
  if (!(error instanceof ApiError) || error instanceof NamespaceTerminating) return undefined
  const { message } = error
  if (deniedForGood.test(message)) return forGood('AdmissionDenied', message)
  if (error instanceof Invalid || error.code === 400) return forGood('InvalidPod', message)
  if (!(error instanceof Forbidden && refusedByAdmission.test(message))) return undefined
  if (!message.includes('exceeded quota: ')) return { phase: 'Starting', reason: 'AdmissionDenied', message }
  // What is used changes with every pod, and each change would be a write.
  return { phase: 'Starting', reason: 'QuotaExceeded', message: message.replace(/, used: \S+(?=, limited: )/, '') }
}

/** Whether a refusal is as before: a LimitRange lists what it minds in an order of chance. */
export function saysTheSame(one: string, other: string): boolean {
  return wordsOf(one) === wordsOf(other)
}

function wordsOf(text: string): string {
  return text
    .split(/[^\w.-]+/)
    .toSorted()
    .join(' ')
}

function forGood(reason: RunnerReason, message: string): Refusal {
  return { phase: 'Stopping', reason, message }
}
