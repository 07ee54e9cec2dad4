import { randomUUID } from 'node:crypto'
import { type NewRunnerJobSpec, type RunnerJobStatus, runnerJobs } from '../../src/api/runner-job.ts'
import type { Site } from '../site/site.ts'

const forever = new AbortController().signal

/** A job that ended before an operator was there to see it. */
export interface PastJob {
  spec: Partial<NewRunnerJobSpec>
  status: Partial<RunnerJobStatus> & Pick<RunnerJobStatus, 'phase'>
  agoMs: number
  waitMs: number
  runMs: number
}

/** Stores jobs as an operator has left them. Call it before an operator runs here. */
export async function storePastJobs(site: Site, all: readonly PastJob[]): Promise<void> {
  const rest = [...all]
  const store = async (): Promise<void> => {
    for (let job = rest.pop(); job !== undefined; job = rest.pop()) await storePastJob(site, job)
  }
  await Promise.all(Array.from({ length: 16 }, store))
}

async function storePastJob(site: Site, { spec, status, agoMs, waitMs, runMs }: PastJob): Promise<void> {
  const delegated = Date.now() - agoMs
  const at = (ms: number): string => new Date(delegated + ms).toISOString()
  const made = await site.createJob(randomUUID(), { delegatedAt: at(0), ...spec })
  const times = { assignedAt: at(waitMs / 4), startedAt: at(waitMs), completedAt: at(waitMs + runMs) }
  await site.client.replaceStatus(runnerJobs, { ...made, status: { ...times, ...status } }, forever)
}
