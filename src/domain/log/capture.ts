import type { Condition } from '../../api/object.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import { shorten, withCondition } from '../conditions.ts'

/** How far the log of a pod has come into the archive. */
export type LogCapture =
  /** There is nothing to store: no container has run, or logs are not archived. */
  | { is: 'none' }
  /** It is being read and stored. `isLate`: something has failed, so that it may take long. */
  | { is: 'pending'; isLate: boolean }
  | { is: 'captured'; message: string }
  /** It is not stored, or not to its end, and nobody tries any more. */
  | { is: 'unavailable'; message: string }

/** Whether the pod must stay, so that its log can be read. */
export function holdsPod(capture: LogCapture | undefined): boolean {
  return capture?.is === 'pending'
}

/** The condition that says what became of the log of a job; undefined before that, and without an archive. */
export function logCaptured({ status }: RunnerJob): Condition | undefined {
  return status.conditions?.find(({ type }) => type === 'LogCaptured')
}

/** The conditions of a job once its log is in the archive, or is not going to be; the same list before that. */
export function withLogCaptured(
  list: Condition[] | undefined,
  capture: LogCapture | undefined,
  { generation, now }: { generation: number; now: Date },
): Condition[] | undefined {
  if (capture?.is !== 'captured' && capture?.is !== 'unavailable') return list
  const isCaptured = capture.is === 'captured'
  const condition = {
    type: 'LogCaptured',
    status: isCaptured ? 'True' : 'False',
    reason: isCaptured ? 'Archived' : 'LogsUnavailable',
    message: shorten(capture.message),
  } as const
  const known = list?.find(({ type }) => type === condition.type)
  const isSame = known?.status === condition.status && known.message === condition.message
  return isSame ? list : withCondition(list, { ...condition, observedGeneration: generation }, now)
}
