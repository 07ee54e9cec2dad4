import { type RunnerJob, runnerJobs } from '../../api/runner-job.ts'
import { isFinished } from '../../domain/job/phases.ts'
import { exitCodes, type ExitCode } from '../exit.ts'
import type { Session } from '../session.ts'
import { nameOf } from '../text/objects.ts'
import { plain } from '../text/plain.ts'
import { Progress } from '../text/progress.ts'
import { findJob } from './job-name.ts'
import { limited, stateOf, waitForJob } from './wait.ts'

export interface CancelOptions {
  wait?: true | undefined
  waitTimeout?: number | undefined
  output?: 'name' | undefined
}

/** `cancel`: asks jobs to stop. A job that has ended otherwise makes the exit code 1, and the others are cancelled. */
export async function cancel(session: Session, words: readonly string[], options: CancelOptions): Promise<ExitCode> {
  const codes: ExitCode[] = []
  for (const word of words) codes.push(await cancelOne(session, await findJob(session, word), options))
  return codes.find((code) => code !== exitCodes.ok) ?? exitCodes.ok
}

async function cancelOne(session: Session, job: RunnerJob, options: CancelOptions): Promise<ExitCode> {
  const { out, err } = session.host
  if (isFinished(job)) {
    await err.write(`${nameOf(runnerJobs, job)} has ended already: ${plain(stateOf(job))}\n`)
    return job.status.phase === 'Cancelled' ? exitCodes.ok : exitCodes.failed
  }
  const asked = await ask(session, job)
  await out.write(`${nameOf(runnerJobs, asked)}${options.output === 'name' ? '' : ': cancel requested'}\n`)
  if (options.wait !== true) return exitCodes.ok
  return await limited(session, options.waitTimeout, async (waiting) => {
    const ended = await waitForJob(waiting, job, new Progress(session.host))
    await err.write(`${plain(stateOf(ended))}\n`)
    return ended.status.phase === 'Cancelled' ? exitCodes.ok : exitCodes.failed
  })
}

/** The patch holds only for this job: another one may have got its name meanwhile. */
async function ask({ client, namespace, host }: Session, { metadata }: RunnerJob): Promise<RunnerJob> {
  const patch = { metadata: { uid: metadata.uid }, spec: { cancel: true } }
  return await client.patchMerge(runnerJobs, { namespace, name: metadata.name }, patch, host.signal)
}
