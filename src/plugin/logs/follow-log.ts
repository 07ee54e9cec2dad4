import type { Pod } from '../../api/pod.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import { isFinal, isFinished } from '../../domain/job/phases.ts'
import { LogPosition } from '../../domain/log/position.ts'
import { ApiError, isOutage } from '../../kube/client/errors.ts'
import { Backoff } from '../../kube/runtime/backoff.ts'
import { exitCodes, Failure } from '../exit.ts'
import { waitForJob } from '../jobs/wait.ts'
import type { Session } from '../session.ts'
import { hasColours } from '../text/paint.ts'
import { Progress } from '../text/progress.ts'
import { LogPrinter } from './log-printer.ts'
import { hasLog, logHasEnded, openLog, podOf } from './log-streams.ts'

export interface FollowOptions {
  tail?: number | undefined
  timestamps?: true | undefined
  container?: string | undefined
}

/**
 * Prints the log of a job from when its pod starts until the job ends, each line once. A stream that breaks is opened
 * again where it was. If the job is tried again, the log of the next pod follows.
 */
export async function followLog(session: Session, job: RunnerJob, options: FollowOptions = {}): Promise<void> {
  const { host } = session
  const progress = new Progress(host)
  const printer = printerFor(session, options)
  const backoff = new Backoff({ ...host, maxMs: 5000 })
  let following = { session, options, printer, position: new LogPosition({ isTail: options.tail !== undefined }) }
  /** The pod whose log is printed whole. */
  let printed: string | undefined
  for (;;) {
    const begun = await waitForJob(session, job, progress, ({ status }) => isAnother(status, printed))
    if (!isAnother(begun.status, printed)) break
    try {
      if (await readOn(following, begun)) {
        await printer.write(following.position.rest())
        printed = begun.status.podUID ?? ''
        following = { ...following, options: { ...options, tail: undefined }, position: new LogPosition() }
        continue
      }
      backoff.healthy()
    } catch (error) {
      if (!isOutage(error) && !isNotReady(error)) throw error
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

interface Following {
  session: Session
  options: FollowOptions
  printer: LogPrinter
  position: LogPosition
}

/** Reads the log on; whether it has ended. */
async function readOn({ session, options, printer, position }: Following, job: RunnerJob): Promise<boolean> {
  const pod = await podOf(session, job)
  if (pod === undefined) return whenGone(job, position)
  if (!hasLog(pod, options.container)) return isFinished(job)
  const { since } = position
  const part = since === undefined ? { tail: options.tail } : { since }
  position.reopened()
  const log = await openLog(session, pod, { ...part, follow: true, container: options.container })
  for await (const chunk of bytesOf(log)) await printer.write(position.take(chunk))
  return await isOver(session, job, pod)
}

/** A stream also ends when the kubelet restarts, or rotates the log. */
async function isOver(session: Session, job: RunnerJob, { metadata }: Pod): Promise<boolean> {
  const now = await podOf(session, job)
  return now === undefined || now.metadata.uid !== metadata.uid || logHasEnded(now)
}

function whenGone(job: RunnerJob, position: LogPosition): boolean {
  if (position.since !== undefined) return true
  if (job.status.reason === 'Reported') {
    throw new Failure(`job ${job.metadata.name} runs on a proxy runner, which has its log`, exitCodes.notFound)
  }
  if (!isFinished(job)) return false
  throw noLog(job)
}

/** The log of a job that has no pod any more. */
export function noLog({ metadata, status }: RunnerJob): Failure {
  const why = status.podName === undefined ? 'it never had a pod' : `its pod ${status.podName} is gone`
  return new Failure(`job ${metadata.name} has no log: ${why}`, exitCodes.notFound)
}

/** The kubelet does not know the container yet. */
function isNotReady(error: unknown): boolean {
  return error instanceof ApiError && (error.code === 400 || error.code === 404)
}

async function* bytesOf(stream: AsyncIterable<unknown>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of stream) if (chunk instanceof Uint8Array) yield chunk
}
