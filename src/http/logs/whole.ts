import { Readable } from 'node:stream'
import type { Pod } from '../../api/pod.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import type { ArchivedLog, Piece } from '../../archive/reader.ts'
import {
  freshPod,
  hasCurrentLog,
  isUnknownContainer,
  logPod,
  LONGEST_LOG,
  logStart,
  openLog,
} from '../../cluster/pod-log.ts'
import { isFinished } from '../../domain/job/phases.ts'
import { BEGINNING_BYTES, mayLackBeginning } from '../../domain/log/beginning.ts'
import { LogPosition } from '../../domain/log/position.ts'
import { redacted } from '../../domain/log/redaction.ts'
import { ApiError, NotFound } from '../../kube/client/errors.ts'
import { abortable } from '../../kube/runtime/signals.ts'
import type { FacadeDeps } from '../context.ts'
import { envelopeAround } from '../envelope.ts'
import { isCaptured, openArchived } from './archived.ts'
import { pageOf } from './page.ts'
import type { LogsQuery } from './query.ts'
import { takeBeginning } from './take-beginning.ts'

/** A log up to now, or why there is none. */
export interface WholeLog {
  /** The log, read once; the state is known after that. */
  text: AsyncIterable<Buffer>
  after: LogFacts
  /** Known before the log is read. */
  mayLackBeginning: boolean
  /** The same text by its bytes, if the archive has all of it and all of it is wanted. */
  file?: LogFile
}

/** A text that does not change any more. */
export interface LogFile {
  size: number
  etag: string
  read: (from: number, to: number) => AsyncIterable<Buffer>
}

/** What is known of a log once it was read. */
export interface LogFacts {
  state?: 'archived' | 'unavailable'
  /** Lines are missing, or may be. */
  isTruncated: boolean
  /** The first line after a page. */
  nextOffset?: number
}

/** `gone` ends the reading; `patient` ends the wait for its beginning. */
interface Patience {
  gone: AbortSignal
  patient: AbortSignal
}

/** Opens the log at its pod, or else in the archive. */
export async function wholeLog(
  deps: FacadeDeps,
  job: RunnerJob,
  query: LogsQuery,
  patience: Patience,
): Promise<WholeLog> {
  const nothing = noLog(isFinished(job))
  const pod = logPod(deps, job)
  if (pod === undefined || !hasCurrentLog(pod)) return (await archived(deps, job, query, patience)) ?? nothing
  try {
    return (await complete(deps, job, query, patience)) ?? (await live(deps, { job, pod }, query, patience))
  } catch (error) {
    // The pod was deleted meanwhile; or its node does not know it, or may be lost for good, with its logs.
    const isGone = error instanceof NotFound || isUnknownContainer(error)
    if (!isGone && !(isFinished(job) && (await isNodeSilent(deps, pod, error, patience.patient)))) throw error
    return (await archived(deps, job, query, patience)) ?? noLog(isFinished(job) || error instanceof NotFound)
  }
}

/**
 * The archived log of a job whose pod is still there, if no line is missing: the node may have dropped some, and does not
 * report it.
 */
async function complete(
  deps: FacadeDeps,
  job: RunnerJob,
  query: LogsQuery,
  patience: Patience,
): Promise<WholeLog | undefined> {
  if (!isCaptured(job)) return undefined
  const log = await archived(deps, job, query, patience)
  if (log === undefined || log.mayLackBeginning) return undefined
  delete log.after.state
  return log
}

/** The log in its envelope, encoded as JSON while it streams: encoding it as a whole would take several times its size in memory. */
export function jsonOf(log: WholeLog, deps: FacadeDeps): Readable {
  // Buffers two chunks only.
  return Readable.from(envelopeAround(encoded(log), deps), { highWaterMark: 2 })
}

async function* encoded({ text, after }: WholeLog): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  const encode = (piece: string): string => JSON.stringify(piece).slice(1, -1)
  yield '{"logs":"'
  for await (const bytes of text) yield encode(decoder.decode(bytes, { stream: true }))
  yield `${encode(decoder.decode())}"`
  if (after.state !== undefined) yield `,"state":"${after.state}"`
  if (after.isTruncated) yield ',"truncated":true'
  if (after.nextOffset !== undefined) yield `,"nextOffset":${after.nextOffset}`
  yield '}'
}

function noLog(isOver: boolean): WholeLog {
  const after: LogFacts = { isTruncated: false, ...(isOver && { state: 'unavailable' }) }
  return { text: Readable.from([]), after, mayLackBeginning: false }
}

async function archived(
  deps: FacadeDeps,
  job: RunnerJob,
  query: LogsQuery,
  { gone, patient }: Patience,
): Promise<WholeLog | undefined> {
  const log = await abortable(openArchived(deps, job, gone), patient)
  return log === undefined ? undefined : ofArchive(log, query, gone)
}

function ofArchive(log: ArchivedLog, query: LogsQuery, gone: AbortSignal): WholeLog {
  const after: LogFacts = { state: 'archived', isTruncated: log.isIncomplete }
  const from = query.tail === undefined ? (query.page?.offset ?? 0) : log.tailStart(query.tail)
  const to = query.page === undefined ? Infinity : from + query.page.limit
  const page = { skip: 0, limit: Infinity, maxBytes: query.download === true ? Infinity : LONGEST_LOG, firstLine: from }
  if (query.page !== undefined && to < log.lines) after.nextOffset = to
  const text = pageOf(log.read(from, to, gone), page, (next) => cut(after, query, next))
  return { text, after, mayLackBeginning: log.isIncomplete, ...fileOf(log, query, gone) }
}

function fileOf(log: ArchivedLog, { tail, page }: LogsQuery, gone: AbortSignal): Pick<WholeLog, 'file'> {
  const size = log.bytes
  if (size === undefined || tail !== undefined || page !== undefined) return {}
  return { file: { size, etag: `"${log.id}-${size}"`, read: (from, to) => log.readBytes(from, to, gone) } }
}

function cut(after: LogFacts, { page }: LogsQuery, next: number): void {
  if (page === undefined) after.isTruncated = true
  else after.nextOffset = next
}

async function live(
  deps: FacadeDeps,
  { job, pod }: { job: RunnerJob; pod: Pod },
  query: LogsQuery,
  { gone, patient }: Patience,
): Promise<WholeLog> {
  const { tail, page, download } = query
  const limitBytes = page !== undefined || download === true ? Infinity : LONGEST_LOG
  const part = { follow: false, limitBytes, ...(tail !== undefined && { tail }) }
  const log = await abortable(openLog(deps, pod, part, gone), patient)
  const beginning = await takeBeginning(log, BEGINNING_BYTES, patient)
  const isCut = mayLackBeginning(beginning, logStart(pod))
  // What the node has dropped may be in the archive, once the container has ended.
  const stored = isCut && tail === undefined ? await archived(deps, job, query, { gone, patient }) : undefined
  if (stored !== undefined) {
    log.destroy()
    return stored
  }
  const after: LogFacts = { isTruncated: false }
  const source = { bytes: concatenated(beginning, log), limitBytes, isCut, after }
  const pieces = livePieces(deps, job, query, source, gone)
  const { offset = 0, limit = Infinity } = page ?? {}
  const text = pageOf(
    pieces,
    { skip: offset, limit, maxBytes: page === undefined ? Infinity : LONGEST_LOG, firstLine: 0 },
    (next) => cut(after, query, next),
  )
  return { text, after, mayLackBeginning: isCut && tail === undefined }
}

async function* concatenated(beginning: Buffer, log: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield beginning
  yield* log
}

interface LiveSource {
  bytes: AsyncIterable<Uint8Array>
  limitBytes: number
  /** The beginning may be missing. */
  isCut: boolean
  after: LogFacts
}

/**
 * The lines of a kubelet's response. Without timestamped lines it holds only the kubelet's message that the log is gone,
 * which the archive may have. `isCut` counts if the response has less lines than the request asked for.
 */
// oxlint-disable-next-line max-params -- the signal stays where every other call has it
async function* livePieces(
  deps: FacadeDeps,
  job: RunnerJob,
  query: LogsQuery,
  { bytes, limitBytes, isCut, after }: LiveSource,
  gone: AbortSignal,
): AsyncGenerator<Piece> {
  const position = new LogPosition()
  let length = 0
  let lines = 0
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of bytes) {
      length += chunk.length
      yield chunk
    }
  }
  const pieces = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of redacted(counted(), deps.redactor())) yield position.take(chunk)
    yield position.rest()
  }
  let isEmpty = true
  for await (const text of pieces()) {
    if (text.length === 0) continue
    isEmpty = false
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines += 1
    yield { text }
  }
  after.isTruncated = length >= limitBytes || (isCut && lines < (query.tail ?? Infinity))
  if (!isEmpty || length === 0) return
  const stored = await openArchived(deps, job, gone)
  after.state = stored === undefined ? 'unavailable' : 'archived'
  if (stored === undefined) return
  after.isTruncated = stored.isIncomplete
  yield* stored.read(query.tail === undefined ? 0 : stored.tailStart(query.tail), Infinity, gone)
}

/** Whether the node is unreachable: the API server is healthy if it returns the pod, or says that it is gone. */
async function isNodeSilent(deps: FacadeDeps, pod: Pod, error: unknown, signal: AbortSignal): Promise<boolean> {
  if (!(error instanceof ApiError && error.code >= 500)) return false
  return freshPod(deps, pod, signal).then(
    () => true,
    (why: unknown) => why instanceof NotFound,
  )
}
