import { Readable } from 'node:stream'
import type { Pod } from '../../api/pod.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import { isFinished } from '../../domain/job/phases.ts'
import { ApiError, NotFound } from '../../kube/client/errors.ts'
import { abortable } from '../../kube/runtime/signals.ts'
import type { FacadeDeps } from '../context.ts'
import { envelopeAround } from '../envelope.ts'
import { BEGINNING_BYTES, mayLackBeginning, takeBeginning } from './beginning.ts'
import { freshPod, hasCurrentLog, isUnknownContainer, logPod, LONGEST_LOG, logStart, openLog } from './pod-log.ts'
import { LogPosition } from '../../domain/log/position.ts'
import type { LogsQuery } from './query.ts'

/** The data of a response without a log, or the stream of a log as JSON text in its envelope. */
export type WholeLog = { data: { logs: string; state?: string } } | { json: Readable; mayLackBeginning: boolean }

/** `gone` ends the reading; `patient` ends the wait for its beginning. */
interface Patience {
  gone: AbortSignal
  patient: AbortSignal
}

/** The log up to now, encoded as JSON while it streams: encoding it as a whole would take several times its size in memory. */
export async function wholeLog(
  deps: FacadeDeps,
  job: RunnerJob,
  query: LogsQuery,
  { gone, patient }: Patience,
): Promise<WholeLog> {
  const nothing = isFinished(job) ? unavailable : { logs: '' }
  const pod = logPod(deps, job)
  if (pod === undefined || !hasCurrentLog(pod)) return { data: nothing }
  try {
    const log = await abortable(openLog(deps, pod, query, gone), patient)
    const beginning = await takeBeginning(log, BEGINNING_BYTES, patient)
    const isCut = mayLackBeginning(beginning, logStart(pod))
    const { tail = Infinity } = query
    const pieces = jsonOf(concatenated(beginning, log), (lines) => isCut && lines < tail)
    // Buffers two chunks only.
    const json = Readable.from(envelopeAround(pieces, deps), { highWaterMark: 2 })
    return { json, mayLackBeginning: isCut && query.tail === undefined }
  } catch (error) {
    // The pod was deleted meanwhile.
    if (error instanceof NotFound) return { data: unavailable }
    if (isUnknownContainer(error)) return { data: nothing }
    // An unreachable node may be lost for good, with its logs.
    if (isFinished(job) && (await isNodeSilent(deps, pod, error, patient))) return { data: unavailable }
    throw error
  }
}

const unavailable = { logs: '', state: 'unavailable' }

async function* concatenated(beginning: Buffer, log: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield beginning
  yield* log
}

/**
 * The JSON of a log, in chunks. A log without timestamped lines holds only the kubelet's message that it is gone. `isCut`
 * decides whether that number of lines is less than the request asked for.
 */
async function* jsonOf(log: AsyncIterable<Uint8Array>, isCut: (lines: number) => boolean): AsyncGenerator<string> {
  const position = new LogPosition()
  const decoder = new TextDecoder()
  let length = 0
  let isEmpty = true
  let lines = 0
  const encode = (bytes: Uint8Array, stream: boolean): string => {
    const text = decoder.decode(bytes, { stream })
    isEmpty &&= text === ''
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines += 1
    return JSON.stringify(text).slice(1, -1)
  }
  yield '{"logs":"'
  for await (const chunk of log) {
    length += chunk.length
    yield encode(position.take(chunk), true)
  }
  yield encode(position.rest(), false)
  if (isEmpty && length > 0) yield `","state":"${unavailable.state}"}`
  else yield length >= LONGEST_LOG || isCut(lines) ? '","truncated":true}' : '"}'
}

/** Whether the node is unreachable: the API server is healthy if it returns the pod, or says that it is gone. */
async function isNodeSilent(deps: FacadeDeps, pod: Pod, error: unknown, signal: AbortSignal): Promise<boolean> {
  if (!(error instanceof ApiError && error.code >= 500)) return false
  return freshPod(deps, pod, signal).then(
    () => true,
    (why: unknown) => why instanceof NotFound,
  )
}
