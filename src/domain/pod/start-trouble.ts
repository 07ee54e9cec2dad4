import type { WaitingReason } from '../../api/reasons.ts'
import type { Runner } from '../../api/runner.ts'
import { starting, type Waiting } from './waiting.ts'
import { isTooBig } from './quota.ts'

/** What a Runner without a pod waits for. */
export function waitingWithoutPod({ metadata, status: { reason, message = 'the pod was refused' } }: Runner): Waiting {
  switch (reason) {
    case 'QuotaExceeded':
    case 'AdmissionDenied':
    case 'PodCreateFailed':
    case 'InvalidPod':
      return { reason, message, fatal: false }
    default:
      return starting(metadata.name)
  }
}

/** Whether somebody has to mend what is waited for, so that the job does not wait for ever. */
export function isTrouble(reason: WaitingReason, message: string): boolean {
  switch (reason) {
    case 'AdmissionDenied':
    case 'PodCreateFailed':
    case 'VolumeUnavailable':
    case 'SandboxFailed':
    case 'ImagePull':
    case 'InvalidPod':
    case 'HookFailed':
      return true
    case 'QuotaExceeded':
      return isTooBig(message)
    case 'NoMatchingPool':
    case 'PoolFull':
    case 'SchedulingGated':
    case 'Unschedulable':
    case 'RunnerStarting':
      return false
    default:
      return reason satisfies never
  }
}

/** Whether the texts of one trouble differ from try to try. */
export function changesByItself(reason: WaitingReason): boolean {
  return reason === 'ImagePull' || reason === 'VolumeUnavailable' || reason === 'SandboxFailed'
}
