import type { RunnerReason } from '../api/reasons.ts'
import type { RunnerStatus } from '../api/runner.ts'
import { BadTemplate } from '../domain/runner-pod.ts'
import { ApiError, Forbidden, Invalid } from '../kube/errors.ts'

/** What a Runner says when its pod was refused. Stopping: for good. Starting: worth another try. */
export type Refusal = Pick<RunnerStatus, 'phase'> & { reason: RunnerReason; message: string }

/**
 * Reads why a pod was refused; undefined where the error is not about the pod. The API server answers quota, Pod
 * Security and webhooks with the same code as missing rights and no cause to tell them by, so their fixed phrases are
 * looked for, here and nowhere else.
 */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof BadTemplate || error instanceof Invalid) return forGood('InvalidPod', error.message)
  if (!(error instanceof ApiError)) return undefined
  if (error.code === 400) return forGood('InvalidPod', error.message)
  if (error instanceof Forbidden && error.message.includes('exceeded quota:')) {
    return { phase: 'Starting', reason: 'QuotaExceeded', message: error.message }
  }
  const denied =
    /violates PodSecurity|admission webhook .* denied the request|ValidatingAdmissionPolicy .* denied request/
  return denied.test(error.message) ? forGood('AdmissionDenied', error.message) : undefined
}

function forGood(reason: RunnerReason, message: string): Refusal {
  return { phase: 'Stopping', reason, message }
}
