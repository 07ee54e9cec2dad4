import type { RunnerJob } from '../../api/runner-job.ts'
import { adviceFor } from '../../api/advice.ts'
import { delegatedAt } from '../../domain/job/status.ts'

/** Why a job is in its state, in words, and what would help. */
export interface Explanation {
  name: string
  namespace: string
  repository: string
  workflow: string | undefined
  phase: string
  reason: string | undefined
  /** What this very job's message says. */
  message: string | undefined
  meaning: string | undefined
  help: string | undefined
  exitCode: number | undefined
  /** Position in the queue of its pool; 1 is next. The operator does not write each step of it. */
  queuePosition: number | undefined
  /** When it came into each stage that it has reached. */
  stages: { name: string; at: string }[]
  /** The attempts that were lost before the current one. */
  attempts: { number: number; reason: string; message: string; node: string | undefined; at: string }[]
  /** Warnings about its pod that the cluster recorded, newest last. */
  warnings: { reason: string; note: string; at: string }[]
  /** Commands that show more. */
  commands: string[]
}

/** Explains a job. `flags` choose its namespace in the commands. */
export function explain(job: RunnerJob, warnings: Explanation['warnings'], flags: string): Explanation {
  const { metadata, spec, status } = job
  const advice = status.reason === undefined ? undefined : adviceFor(status.reason)
  return {
    name: metadata.name,
    namespace: metadata.namespace ?? '',
    repository: spec.repository,
    workflow: spec.workflow,
    phase: status.phase,
    reason: status.reason,
    message: status.message,
    meaning: advice?.meaning,
    help: advice?.help,
    exitCode: status.exitCode,
    queuePosition: status.phase === 'Queued' ? status.queuePosition : undefined,
    stages: stagesOf(job),
    attempts: (status.attempts ?? []).map(({ number, reason, message, nodeName, endedAt }) => {
      return { number, reason, message, node: nodeName, at: endedAt }
    }),
    warnings,
    commands: commandsFor(job, flags),
  }
}

function stagesOf(job: RunnerJob): Explanation['stages'] {
  const { assignedAt, startedAt, completedAt } = job.status
  const all: [name: string, at: string | undefined][] = [
    ['delegated', delegatedAt(job)],
    ['assigned', assignedAt],
    ['started', startedAt],
    ['ended', completedAt],
  ]
  return all.flatMap(([name, at]) => (at === undefined ? [] : [{ name, at }]))
}

/** The reasons whose cause is a pool, and those whose cause is in the job's own log. */
const ofPools = new Set(['NoMatchingPool', 'PoolNotReady', 'PoolFull', 'InvalidPod', 'AdmissionDenied'])
const ofLogs = new Set(['ExitCode', 'OOMKilled', 'Running', 'Succeeded', 'JobTimeout', 'HookFailed', 'ProbeFailed'])
const ofCluster = new Set(['NoOperator', 'PodCreateFailed'])

function commandsFor({ metadata, status }: RunnerJob, flags: string): string[] {
  const { reason = '', podName, nodeName } = status
  const show = (what: string): string => `kubectl ${flags} ${what}`
  return [
    ...(ofCluster.has(reason) ? [`kubectl runnerhub ${flags} doctor`] : []),
    ...(ofPools.has(reason) ? [show('describe rp')] : []),
    ...(reason === 'QuotaExceeded' ? [show('describe quota')] : []),
    ...(ofLogs.has(reason) && podName !== undefined ? [`kubectl runnerhub ${flags} logs ${metadata.name}`] : []),
    ...(reason === 'NodeLost' && nodeName !== undefined ? [`kubectl describe node ${nodeName}`] : []),
    ...(podName !== undefined && !ofLogs.has(reason) ? [show(`describe pod ${podName}`)] : []),
  ]
}
