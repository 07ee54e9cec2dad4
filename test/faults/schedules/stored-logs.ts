import { OUTCOME_FINALIZER } from '../../../src/api/names.ts'
import { ConfigMapStore } from '../../../src/archive/config-map-store.ts'
import { ArchivedLog } from '../../../src/archive/reader.ts'
import { runnerName } from '../../../src/domain/runner/keys.ts'
import type { Site } from '../../site/site.ts'
import type { Acknowledged } from './arrivals.ts'
import { lastOpen } from './oracles.ts'

/** Length of the timestamp before each line. */
const STAMP = 31
/** Logs that are read at a time. */
const READERS = 16

/** Every job whose container ran has its whole log in the archive, each line once. */
export async function everyLogIsStored(site: Site, jobs: readonly Acknowledged[], withinMs: number): Promise<string[]> {
  const kept = jobs.filter(({ fate }) => fate !== 'deleted')
  const open = await lastOpen(kept, (job) => isAwaited(site, job), withinMs)
  const left = jobs.values()
  const wrong: string[] = []
  const read = async (): Promise<void> => {
    for (const job of left) wrong.push(...(await problemsOf(site, job)))
  }
  await Promise.all(Array.from({ length: READERS }, read))
  return [...open.map(({ name }) => `no log of ${name} after ${withinMs / 1000} s`), ...wrong]
}

function isAwaited({ history, kubelet, namespace }: Site, { name }: Acknowledged): boolean {
  const job = history.jobs.get(`${namespace}/${name}`)
  if (job === undefined || capturedOf(job.status) !== undefined) return false
  const pod = kubelet.pods.get(`${namespace}/${runnerName(job)}`)
  return job.status.startedAt !== undefined || pod?.metadata.finalizers?.includes(OUTCOME_FINALIZER) === true
}

/** What became of a job's log, by its condition. */
export function capturedOf(status: { conditions?: readonly { type: string; status: string }[] }): string | undefined {
  return status.conditions?.find(({ type }) => type === 'LogCaptured')?.status
}

async function problemsOf({ history, client, namespace }: Site, { name, lines }: Acknowledged): Promise<string[]> {
  const job = history.jobs.get(`${namespace}/${name}`)
  const captured = job && capturedOf(job.status)
  if (job === undefined || captured === undefined) return []
  const shown = JSON.stringify(job.status.conditions)
  if (captured !== 'True') return [`the log of ${name} is not stored: ${shown}`]
  const signal = AbortSignal.timeout(30_000)
  const attempt = { namespace, jobName: name, jobUid: job.metadata.uid, podUid: job.status.podUID ?? '' }
  const archived = await ArchivedLog.open(new ConfigMapStore({ client }), attempt, signal)
  if (archived === undefined) return [`the log of ${name} is missing: ${shown}`]
  let text = ''
  for await (const piece of archived.read(0, Infinity, signal)) text += piece.text.toString()
  const got = text
    .split('\n')
    .slice(0, -1)
    .map((line) => line.slice(STAMP))
  const wanted = Array.from({ length: lines }, (_, line) => `line ${line}`)
  return got.join('\n') === wanted.join('\n')
    ? []
    : [`the log of ${name} has ${got.length} lines, not ${lines}: ${got.join(', ')}`]
}
