import { isOver, type JobRow } from './job-row.ts'

/** One stage of a job's life. */
export interface Stage {
  name: 'Queued' | 'Starting' | 'Running'
  fromMs: number
  /** The end; the present for a stage that goes on. */
  toMs: number
  isOpen: boolean
}

type Times = Pick<JobRow, 'state' | 'delegatedMs' | 'assignedMs' | 'startedMs' | 'completedMs'>

/** The stages of a job up to now, in order. One that was skipped or never reached is absent. */
export function stagesOf(job: Times, nowMs: number): Stage[] {
  const endMs = job.completedMs ?? (isOver(job) ? job.delegatedMs : undefined)
  const starts = [
    ['Queued', job.delegatedMs],
    ['Starting', job.assignedMs],
    ['Running', job.startedMs],
  ] as const
  const reached = starts.flatMap(([name, ms]) => (ms === null ? [] : [{ name, fromMs: ms }]))
  return reached.map(({ name, fromMs }, index) => {
    const next = reached[index + 1]?.fromMs ?? endMs
    return { name, fromMs, toMs: Math.max(fromMs, next ?? nowMs), isOpen: next === undefined }
  })
}
