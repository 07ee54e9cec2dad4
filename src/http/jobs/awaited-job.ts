import { keyOf } from '../../api/object.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import { isFinished } from '../../domain/job/phases.ts'
import type { FacadeDeps } from '../context.ts'
import type { JobEnds } from './job-ends.ts'
import { jobDetail } from './views.ts'

/** How long a response that is waited for stays silent: many clients give up after ten seconds without a byte. */
export const SILENCE_MS = 5000

interface JobWait {
  job: RunnerJob
  leftMs: number
  signals: readonly AbortSignal[]
}

/** The JSON of a job once it has ended, or after a time. Spaces come before it, so that the response is never silent. */
export async function* awaitedJob(
  { caches, clock }: FacadeDeps,
  ends: JobEnds,
  { job, leftMs, signals }: JobWait,
): AsyncGenerator<string> {
  let latest = job
  for (let ms = leftMs; ms > 0 && !isFinished(latest) && !signals.some(({ aborted }) => aborted); ms -= SILENCE_MS) {
    yield ' '
    await ends.wait(job, Math.min(ms, SILENCE_MS), signals)
    const now = caches.jobs.get(keyOf(job))
    if (now?.metadata.uid !== job.metadata.uid) break
    latest = now
  }
  yield JSON.stringify(jobDetail(caches, latest, clock.now()))
}
