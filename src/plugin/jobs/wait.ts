import { type RunnerJob, runnerJobs } from '../../api/runner-job.ts'
import { isFinished } from '../../domain/job/phases.ts'
import { linkedAbortController } from '../../kube/runtime/signals.ts'
import { exitCodes, type ExitCode, Failure } from '../exit.ts'
import type { Session } from '../session.ts'
import type { Progress } from '../text/progress.ts'
import { untilStored, watched } from '../watched.ts'

/** Waits until a job has come to some state, or has ended. Throws a Failure if it is deleted meanwhile. */
export async function waitForJob(
  session: Session,
  { metadata }: RunnerJob,
  progress: Progress,
  isThere: (job: RunnerJob) => boolean = () => false,
): Promise<RunnerJob> {
  const { namespace } = session
  const { name, uid } = metadata
  const onTrouble = (message: string): void => progress.show(`contact lost, trying again: ${message}`)
  const one = { resource: runnerJobs, namespace, fieldSelector: `metadata.name=${name}`, onTrouble }
  return await watched(session, one, (store) =>
    untilStored(
      store,
      () => {
        const job = store.get(`${namespace}/${name}`)
        if (job?.metadata.uid !== uid) return { gone: true } as const
        if (isFinished(job) || isThere(job)) return { job }
        progress.show(stateOf(job))
        return undefined
      },
      session.host.signal,
    ),
  ).then((found) => {
    progress.clear()
    if ('job' in found) return found.job
    throw new Failure(`job ${name} was deleted`, exitCodes.notFound)
  })
}

/** The state of a job in one line: phase, reason and message. */
export function stateOf({ metadata, status }: RunnerJob): string {
  const { phase, reason = '', message = '' } = status
  return `${metadata.name} ${phase}${reason === '' ? '' : ` (${reason})`}${message === '' ? '' : `: ${message}`}`
}

/** The exit code for the end of a job. */
export function exitCodeOf({ status }: RunnerJob): ExitCode {
  if (status.phase === 'Completed') return exitCodes.ok
  return status.phase === 'Cancelled' ? exitCodes.jobCancelled : exitCodes.jobFailed
}

/** Runs `wait` with a time limit, after which it fails; without one it waits until it is interrupted. */
export async function limited<R>(
  session: Session,
  limitMs: number | undefined,
  wait: (session: Session) => Promise<R>,
): Promise<R> {
  if (limitMs === undefined) return await wait(session)
  const { host } = session
  const limit = linkedAbortController(host.signal)
  const onLimit = (): void => limit.abort(new Failure('the job has not ended in that time', exitCodes.timedOut))
  const cancel = host.clock.setTimer(onLimit, limitMs)
  try {
    return await wait({ ...session, host: { ...host, signal: limit.signal } })
  } finally {
    cancel()
    limit.release()
  }
}
