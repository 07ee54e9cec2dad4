import { adviceFor } from '../../api/advice.ts'
import { jobResults } from '../../api/runner-job.ts'

/** How the program ends: with an exit code, and lines for stderr, which GitHub shows as the job's annotation. */
export interface Ending {
  code: number
  lines: string[]
}

/** A job as the hub shows it. */
export interface JobView {
  status: string
  reason?: string
  message?: string
  exitCode?: number
  result?: string
}

/** The exit code of a Worker is this and the number of its result. Every other one is a crash to the Listener. */
const FIRST_CODE = 100

const finalStates = new Set(['completed', 'failed', 'cancelled'])

/** Whether a job is over. */
export function isOver({ status }: JobView): boolean {
  return finalStates.has(status)
}

/** How the program ends for a job that is over: as the Worker did, or with 1 where no Worker ended the job. */
export function endingOf(view: JobView, where: string): Ending {
  const code = workerCode(view)
  if (code !== undefined) return { code, lines: [] }
  const { status, reason = 'no reason', message = 'the hub says no more' } = view
  const why = `RunnerHub: the job is ${status} without a result of its runner (${reason}): ${message}`
  const advice = adviceFor(reason)
  const words = advice === undefined ? [] : [`${advice.meaning} ${advice.help}`]
  return failure(why, ...words, `The job at the hub: ${where}`)
}

/** The ending of a job that could not be run, or of which nobody knows. */
export function failure(...lines: string[]): Ending {
  return { code: 1, lines: lines.map(oneLine) }
}

/** A text without line breaks and other control characters, of a length that people read. */
export function oneLine(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim()
  return line.length > 500 ? `${line.slice(0, 500)}…` : line
}

function workerCode({ result, exitCode = 0 }: JobView): number | undefined {
  const index = jobResults.findIndex((word) => word === result)
  if (index >= 0) return FIRST_CODE + index
  return exitCode >= FIRST_CODE && exitCode < FIRST_CODE + jobResults.length ? exitCode : undefined
}
