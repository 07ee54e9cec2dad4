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

/** Advice on a job that its runner did not end, by the hub's reason. */
const advice: Record<string, string> = {
  AdmissionDenied: "The cluster refused the job's pod; its administrator knows the policy that did.",
  CancelRequested: 'Somebody cancelled the job at the hub.',
  Evicted: 'The node ran short of something and evicted the pod; run the job again, or ask for more in the pool.',
  ExitCode: "The job's container ended without a result of the runner; its log says more.",
  HeartbeatMissed: 'The hub did not hear of this proxy for too long, and stopped the job.',
  HookFailed: "The postStart hook of the job's container failed; correct it in the pool's template.",
  ImagePull: "The image of the pool cannot be pulled; its name or the cluster's access to it is wrong.",
  InvalidPod: "The pool's template makes no valid pod.",
  JobTimeout: 'The job ran or waited longer than the hub allows.',
  NodeLost: 'The node that ran the job was lost; run the job again.',
  OOMKilled: "The job needed more memory than its pod may have; raise the limit in the pool's template.",
  PodCreateFailed: 'The cluster did not accept the pod for too long; the text has its response.',
  PodDeleted: 'Somebody deleted the pod; run the job again.',
  Preempted: 'A pod of higher priority took the place of the job; run it again.',
  ProxyLost: 'The hub did not hear of this proxy for too long, and stopped the job.',
  QuotaExceeded: 'The pod needs more than the quota of the namespace allows; raise the quota, or ask for less.',
  RetryBudgetSpent: 'Too many jobs of the pool were lost before they started; the text names the cause.',
  RunnerVersionMismatch: 'The images of the proxy and of the pool must have the same version of the runner.',
  SandboxFailed: 'The node could not set up the pod, often its network; the text names the cause.',
  Unschedulable: 'No node of the cluster has room for the pod.',
  VolumeUnavailable: "A volume of the pool's template cannot be mounted; the text names it.",
}

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
  const known = Object.hasOwn(advice, reason) ? advice[reason] : undefined
  return failure(why, ...(known === undefined ? [] : [known]), `The job at the hub: ${where}`)
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
