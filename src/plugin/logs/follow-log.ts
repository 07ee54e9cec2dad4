import type { RunnerJob } from '../../api/runner-job.ts'
import { isPastAttempt, jobAt } from '../../domain/log/attempt.ts'
import { logCaptured } from '../../domain/log/capture.ts'
import { isLogLine } from '../../domain/log/handed-on.ts'
import { LogPosition } from '../../domain/log/position.ts'
import { redacted, Redactor } from '../../domain/log/redaction.ts'
import { isFinal, isFinished } from '../../domain/job/phases.ts'
import { attemptOf } from '../../domain/runner/keys.ts'
import { ApiError, isOutage } from '../../kube/client/errors.ts'
import { Backoff } from '../../kube/runtime/backoff.ts'
import { waitForJob } from '../jobs/wait.ts'
import type { Session } from '../session.ts'
import { hasColours } from '../text/paint.ts'
import { plain } from '../text/plain.ts'
import { Progress } from '../text/progress.ts'
import { noLog, openArchived, whyNoLog } from './archived-log.ts'
import { LogPrinter } from './log-printer.ts'
import { bytesOf, hasLog, logHasEnded, openLog, podOf } from './log-streams.ts'

export interface FollowOptions {
  tail?: number | undefined
  timestamps?: true | undefined
  container?: string | undefined
}

/** How long to wait for the archive after a pod has vanished. */
const ARCHIVE_MS = 10_000

/**
 * Prints the log of a job from when its pod starts until the job ends, each line once. A stream that breaks is opened
 * again where it was, and what the pod does not have any more comes from the archive. If the job is tried again, the log
 * of the next pod follows.
 */
export async function followLog(session: Session, job: RunnerJob, options: FollowOptions = {}): Promise<void> {
  const { host } = session
  const progress = new Progress(host)
  const printer = printerFor(session, options)
  const backoff = new Backoff({ ...host, maxMs: 5000 })
  let following = new Following(session, options, printer)
  /** The pod whose log is printed whole. */
  let printed: string | undefined
  for (;;) {
    const begun = await waitForJob(session, job, progress, ({ status }) => isAnother(status, printed))
    if (!isAnother(begun.status, printed)) break
    backoff.healthy()
    if (await following.readOn(begun)) {
      printed = following.podUid
      following = new Following(session, { ...options, tail: undefined }, printer)
      continue
    }
    progress.show(`${job.metadata.name}: reading the log again`)
    await host.clock.sleep(backoff.next(), host.signal)
  }
  progress.clear()
  await printer.end()
}

/** Whether the job runs, or ran, in another pod than this one. */
function isAnother({ phase, podUID = '' }: RunnerJob['status'], printed: string | undefined): boolean {
  return printed === undefined
    ? phase === 'Running' || isFinal(phase)
    : podUID !== '' && podUID !== printed && phase !== 'Queued'
}

/** The printer of a session: colours stay unless somebody wants none. */
export function printerFor({ host }: Session, { timestamps }: FollowOptions): LogPrinter {
  const keepsColours = host.out.isTerminal ? hasColours(host.out, host) : (host.env['NO_COLOR'] ?? '') === ''
  return new LogPrinter(host.out, { timestamps: timestamps === true, keepsColours })
}

/** How far the log of one attempt is printed. */
class Following {
  readonly #session: Session
  readonly #options: FollowOptions
  readonly #printer: LogPrinter
  readonly #position: LogPosition
  /** The job at the attempt that is read. */
  #job: RunnerJob | undefined
  #goneAtMs: number | undefined

  constructor(session: Session, options: FollowOptions, printer: LogPrinter) {
    this.#session = session
    this.#options = options
    this.#printer = printer
    this.#position = new LogPosition({ isTail: options.tail !== undefined })
  }

  /** The pod of the attempt. */
  get podUid(): string {
    return this.#job?.status.podUID ?? ''
  }

  /** Reads the log on, and returns whether it has ended. */
  async readOn(now: RunnerJob): Promise<boolean> {
    const job = this.#atSameAttempt(now)
    this.#job = job
    let hasEnded: boolean
    try {
      hasEnded = await this.#read(job)
    } catch (error) {
      if (!isOutage(error) && !isNotReady(error)) throw error
      // Its node may never respond again.
      hasEnded = isFinished(job) && error instanceof ApiError && (await this.#readArchived(job))
    }
    if (hasEnded) await this.#printer.write(this.#position.rest())
    return hasEnded
  }

  /** The job as it was at the attempt of which lines are printed, if it has been tried again since. */
  #atSameAttempt(now: RunnerJob): RunnerJob {
    if (this.#job === undefined || this.#position.since === undefined || !isPastAttempt(this.#job, now)) return now
    return jobAt(now, attemptOf(this.#job)) ?? this.#job
  }

  async #read(job: RunnerJob): Promise<boolean> {
    let pod = await podOf(this.#session, job)
    while (pod !== undefined) {
      if (!hasLog(pod, this.#options.container)) return isFinished(job)
      // A stream also ends when the kubelet restarts: only one that began after the container's end has all lines.
      const isLast = logHasEnded(pod)
      if (!(await this.#readStream(pod))) break
      if (isLast) return true
      const now = await podOf(this.#session, job)
      if (now !== undefined && !logHasEnded(now)) return false
      pod = now
    }
    return this.#readArchived(job)
  }

  /** Prints new lines of the pod; returns whether they were lines and not a message of the kubelet. */
  async #readStream(pod: Parameters<typeof openLog>[1]): Promise<boolean> {
    const { tail, container } = this.#options
    const { since } = this.#position
    const part = since === undefined ? { tail } : { since }
    const log = await openLog(this.#session, pod, { ...part, follow: true, container })
    this.#position.reopened()
    let isLog: boolean | undefined
    for await (const lines of redacted(bytesOf(log), new Redactor())) {
      isLog ??= isLogLine(lines)
      await this.#printer.write(this.#position.take(lines))
    }
    return isLog ?? true
  }

  /** Prints what the archive has beyond that; returns whether no more is to be expected. */
  async #readArchived(job: RunnerJob): Promise<boolean> {
    if (job.status.reason === 'Reported') throw noLog(job, this.#options.container)
    if (!isFinished(job)) return false
    const { host } = this.#session
    const log = this.#options.container === undefined ? await openArchived(this.#session, job) : undefined
    if (log === undefined) {
      this.#goneAtMs ??= host.clock.monotonicMs()
      const isLate = host.clock.monotonicMs() - this.#goneAtMs > ARCHIVE_MS
      if (!isLate && !this.#isSettled(job)) return false
      await this.#lacks(job)
      return true
    }
    const { since } = this.#position
    const { tail } = this.#options
    const start = tail === undefined ? 0 : log.tailStart(tail)
    const from = since === undefined ? start : log.secondStart(Date.parse(since) / 1000)
    this.#position.reopened()
    for await (const { text } of log.read(from, Infinity, host.signal)) {
      await this.#printer.write(this.#position.take(text))
    }
    return true
  }

  /** Whether it is known what became of the log. */
  #isSettled(job: RunnerJob): boolean {
    return job.status.podUID === undefined || this.#options.container !== undefined || logCaptured(job) !== undefined
  }

  async #lacks(job: RunnerJob): Promise<void> {
    if (this.#position.since === undefined) throw noLog(job, this.#options.container)
    await this.#session.host.err.write(
      plain(`job ${job.metadata.name}: its log may go on: ${whyNoLog(job, this.#options.container)}`) + '\n',
    )
  }
}

/** The kubelet does not know the container yet. */
function isNotReady(error: unknown): boolean {
  return error instanceof ApiError && (error.code === 400 || error.code === 404)
}
