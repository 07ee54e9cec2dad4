/** Why a job or a Runner is where it is. The same word stands in kubectl, Events, REST and metrics.
 * The CRD checks only the shape: a new reason must not make status writes fail under an older CRD. */
export const waitingReasons = [
  'NoMatchingPool',
  'PoolNotReady',
  'PoolFull',
  'QuotaExceeded',
  'AdmissionDenied',
  'PodCreateFailed',
  'SchedulingGated',
  'Unschedulable',
  'VolumeUnavailable',
  'SandboxFailed',
  'ImagePull',
  'InvalidPod',
  'HookFailed',
  'RunnerStarting',
] as const

export const progressReasons = ['Running', 'Succeeded', 'Reported'] as const

export const failureReasons = [
  'AdmissionDenied',
  'CancelRequested',
  'Evicted',
  'ExitCode',
  'HookFailed',
  'ImagePull',
  'InvalidPod',
  'JobTimeout',
  'NodeLost',
  'OOMKilled',
  'PodCreateFailed',
  'PodDeleted',
  'Preempted',
  'QuotaExceeded',
  'SandboxFailed',
  'Unschedulable',
  'VolumeUnavailable',
] as const

/** What the CRD says of a new job, until an operator writes its status. Whoever serves the job never shows it. */
export const NO_OPERATOR = 'NoOperator'

/** What only a Runner says; else it says one of the words above. */
export const runnerReasons = ['HeartbeatMissed'] as const

export type WaitingReason = (typeof waitingReasons)[number]
export type FailureReason = (typeof failureReasons)[number]
export type Reason = WaitingReason | FailureReason | (typeof progressReasons)[number]
export type RunnerReason = Reason | (typeof runnerReasons)[number]

export const REASON_PATTERN = '^[A-Z][A-Za-z]{0,63}$'
