import { exitCodes, type ExitCode, Failure } from '../exit.ts'
import { findJob } from '../jobs/job-name.ts'
import type { Session } from '../session.ts'
import { followLog, type FollowOptions, noLog, printerFor } from './follow-log.ts'
import { hasLog, openLog, podOf } from './log-streams.ts'

export interface LogsOptions extends FollowOptions {
  follow?: true | undefined
}

/** `logs`: prints the log of a job, or follows it to the end of the job. */
export async function logs(session: Session, word: string, options: LogsOptions): Promise<ExitCode> {
  const job = await findJob(session, word)
  if (options.follow === true) {
    await followLog(session, job, options)
    return exitCodes.ok
  }
  const pod = await podOf(session, job)
  if (pod === undefined) throw noLog(job)
  if (!hasLog(pod, options.container)) {
    throw new Failure(`job ${job.metadata.name} has not started yet; --follow waits for it`, exitCodes.notFound)
  }
  const printer = printerFor(session, options)
  const log = await openLog(session, pod, { follow: false, tail: options.tail, container: options.container })
  for await (const chunk of log) if (Buffer.isBuffer(chunk)) await printer.write(chunk)
  await printer.end()
  return exitCodes.ok
}
