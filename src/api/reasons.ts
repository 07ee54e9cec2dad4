/**
 * Reasons of jobs and Runners. kubectl, Events, REST and metrics use the same words. The CRD only checks their form: a
 * new reason must not make status writes fail under an older CRD.
 */
export const waitingReasons = [
  'NoMatchingPool',
  'PoolNotReady',
  'PoolPaused',
  'PoolFull',
  'RepositoryLimit',
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
  'Retrying',
] as const

export const progressReasons = ['Running', 'Succeeded', 'Reported'] as const

export const failureReasons = [
  'AdmissionDenied',
  'CancelRequested',
  'Drained',
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
  'ProbeFailed',
  'ProxyLost',
  'QuotaExceeded',
  'RetryBudgetSpent',
  'RunnerVersionMismatch',
  'SandboxFailed',
  'Unschedulable',
  'VolumeUnavailable',
] as const

/** The CRD's default reason of a new job, until an operator writes its status. REST and realtime never show it. */
export const NO_OPERATOR = 'NoOperator'

/** Reasons that only Runners have; they also use the reasons above. */
export const runnerReasons = ['HeartbeatMissed'] as const

/** Reasons that only the conditions of pools have; these also use the reasons above. */
export const poolReasons = ['TemplateAccepted', 'Pulled', 'Pulling', 'PrePullUnsupported', 'NameTaken'] as const
export type PoolReason = RunnerReason | (typeof poolReasons)[number]

export type WaitingReason = (typeof waitingReasons)[number]
export type FailureReason = (typeof failureReasons)[number]
export type Reason = WaitingReason | FailureReason | (typeof progressReasons)[number]
export type RunnerReason = Reason | (typeof runnerReasons)[number]

export const REASON_PATTERN = '^[A-Z][A-Za-z]{0,63}$'
