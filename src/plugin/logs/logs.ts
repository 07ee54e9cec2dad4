import type { Pod } from '../../api/pod.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import type { ArchivedLog } from '../../archive/reader.ts'
import { isPastAttempt, jobAt } from '../../domain/log/attempt.ts'
import { logCaptured } from '../../domain/log/capture.ts'
import { isLogLine } from '../../domain/log/handed-on.ts'
import { redacted, Redactor } from '../../domain/log/redaction.ts'
import { isFinished } from '../../domain/job/phases.ts'
import { ApiError, Forbidden } from '../../kube/client/errors.ts'
import { exitCodes, type ExitCode, Failure } from '../exit.ts'
import { findJob } from '../jobs/job-name.ts'
import type { Session } from '../session.ts'
import { noLog, openArchived } from './archived-log.ts'
import { followLog, type FollowOptions, printerFor } from './follow-log.ts'
import type { LogPrinter } from './log-printer.ts'
import { bytesOf, hasLog, openLog, podOf } from './log-streams.ts'

export interface LogsOptions extends FollowOptions {
  follow?: true | undefined
  attempt?: number | undefined
}

/** `logs`: prints the log of a job, or follows it to the end of the job. */
export async function logs(session: Session, word: string, options: LogsOptions): Promise<ExitCode> {
  const now = await findJob(session, word)
  const job = jobAt(now, options.attempt)
  if (job === undefined) {
    throw new Failure(`job ${now.metadata.name} has no attempt ${options.attempt}`, exitCodes.notFound)
  }
  if (options.follow === true && !isPastAttempt(job, now)) {
    await followLog(session, job, options)
    return exitCodes.ok
  }
  const printer = printerFor(session, options)
  await print(session, { job, options, printer })
  await printer.end()
  return exitCodes.ok
}

interface Printing {
  job: RunnerJob
  options: LogsOptions
  printer: LogPrinter
}

async function print(session: Session, printing: Printing): Promise<void> {
  const { job, options } = printing
  const pod = await podOf(session, job)
  if (pod === undefined) return printArchived(session, printing, () => noLog(job, options.container))
  if (!hasLog(pod, options.container)) {
    throw new Failure(`job ${job.metadata.name} has not started yet; --follow waits for it`, exitCodes.notFound)
  }
  // A node may have dropped the beginning of a log that the archive has.
  const archived = logCaptured(job)?.status === 'True' ? await readable(session, printing) : undefined
  if (archived?.isIncomplete === false) return printText(session, archived, printing)
  try {
    if (await printPod(session, pod, printing)) return
  } catch (error) {
    if (!(error instanceof ApiError) || !isFinished(job)) throw error
    return printArchived(session, printing, () => error)
  }
  await printArchived(session, printing, () => noLog(job, options.container))
}

/** The archived log; undefined as well where the caller may only read that of the pod. */
async function readable(session: Session, { job, options }: Printing): Promise<ArchivedLog | undefined> {
  if (options.container !== undefined) return undefined
  return openArchived(session, job).catch((error: unknown) => {
    if (error instanceof Forbidden) return undefined
    throw error
  })
}

/** Prints the lines of a pod; returns whether they were lines and not a message of the kubelet. */
async function printPod(session: Session, pod: Pod, { options, printer }: Printing): Promise<boolean> {
  const log = await openLog(session, pod, { follow: false, tail: options.tail, container: options.container })
  let isLog: boolean | undefined
  for await (const lines of redacted(bytesOf(log), new Redactor())) {
    isLog ??= isLogLine(lines)
    if (!isLog) return false
    await printer.write(lines)
  }
  return true
}

async function printArchived(session: Session, printing: Printing, whyNot: () => Error): Promise<void> {
  const { job, options } = printing
  // The archive has the log of the container that decides the outcome.
  const log = options.container === undefined ? await openArchived(session, job) : undefined
  if (log === undefined) throw whyNot()
  await printText(session, log, printing)
}

async function printText({ host }: Session, log: ArchivedLog, { options, printer }: Printing): Promise<void> {
  const from = options.tail === undefined ? 0 : log.tailStart(options.tail)
  for await (const { text } of log.read(from, Infinity, host.signal)) await printer.write(text)
}
