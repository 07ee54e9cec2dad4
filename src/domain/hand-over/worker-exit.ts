import type { FailureReason } from '../../api/reasons.ts'
import { type JobResult, jobResults } from '../../api/runner-job.ts'

/** How a runner's Worker ended. */
export interface WorkerExit {
  reason: 'Succeeded' | FailureReason
  message: string
  /** Its own word, where it has given one. */
  result?: JobResult
}

/** The Worker's exit code is 100 and the number of its result. */
const FIRST_CODE = 100

/** What the agent may say for itself, in the container's termination message: `Reason: text`. */
const agentReasons: ReadonlySet<string> = new Set<FailureReason>(['RunnerVersionMismatch'])

/** What became of a job, by the exit code of the runner's Worker; any other is one of a Worker that has said nothing. */
export function workerExit(code: number, said = ''): WorkerExit {
  const result = jobResults[code - FIRST_CODE]
  if (result === undefined) return noResult(code, said)
  switch (result) {
    case 'Succeeded':
    case 'SucceededWithIssues':
    case 'Skipped':
      return { result, reason: 'Succeeded', message: `the runner says ${result} (exit code ${code})` }
    case 'Failed':
    case 'Abandoned':
      return { result, reason: 'ExitCode', message: `the runner says ${result} (exit code ${code})` }
    case 'Canceled':
      return { result, reason: 'CancelRequested', message: `the runner says ${result} (exit code ${code})` }
    default:
      return result satisfies never
  }
}

function noResult(code: number, said: string): WorkerExit {
  const [, word = '', text = ''] = /^([A-Z][A-Za-z]+): (.+)/.exec(said) ?? []
  if (isAgentReason(word)) return { reason: word, message: text }
  const message = `exit code ${code}, which is no result of a runner${said === '' ? '' : `: ${said}`}`
  return { reason: 'ExitCode', message }
}

function isAgentReason(word: string): word is FailureReason {
  return agentReasons.has(word)
}
