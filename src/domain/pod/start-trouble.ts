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

/** Whether somebody has to fix a waiting reason; for a quota the message decides. */
const isTroubleBy: Readonly<Record<WaitingReason, boolean | ((message: string) => boolean)>> = {
  AdmissionDenied: true,
  PodCreateFailed: true,
  VolumeUnavailable: true,
  SandboxFailed: true,
  ImagePull: true,
  InvalidPod: true,
  HookFailed: true,
  QuotaExceeded: isTooBig,
  NoMatchingPool: false,
  PoolNotReady: false,
  PoolPaused: false,
  PoolFull: false,
  RepositoryLimit: false,
  SchedulingGated: false,
  Unschedulable: false,
  RunnerStarting: false,
  Retrying: false,
}

/** Whether somebody has to fix what the job waits for, so that the job does not wait for ever. */
export function isTrouble(reason: WaitingReason, message: string): boolean {
  const rule = isTroubleBy[reason]
  return typeof rule === 'boolean' ? rule : rule(message)
}

/** Whether the message of the same trouble differs from try to try. */
export function hasVaryingMessage(reason: WaitingReason): boolean {
  return ['ImagePull', 'VolumeUnavailable', 'SandboxFailed', 'Unschedulable'].includes(reason)
}
