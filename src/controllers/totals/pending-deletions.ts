import { keyOf } from '../../api/object.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import type { Workqueue } from '../../kube/queue/workqueue.ts'
import { queueKey } from '../queue-keys.ts'

/** How long further jobs are waited for, so that one write counts many. */
const BATCH_MS = 1000

/** Finished jobs whose time is over, until the ledger counts them. Only then may they be deleted. */
export class PendingDeletions {
  readonly #queue: Workqueue
  readonly #due = new Map<string, RunnerJob>()

  constructor(queue: Workqueue) {
    this.#queue = queue
  }

  add(job: RunnerJob): void {
    this.#due.set(job.metadata.uid, job)
    this.#queue.addAfter(queueKey('ledger', job.metadata.namespace ?? ''), BATCH_MS, 'deferred')
  }

  due(): readonly RunnerJob[] {
    return [...this.#due.values()]
  }

  /** Says for which of them no more is to be done here; those that still exist are looked at again. */
  drop(isSettled: (job: RunnerJob) => boolean): void {
    for (const [uid, job] of this.#due) {
      if (!isSettled(job)) continue
      this.#due.delete(uid)
      this.#queue.add(queueKey('job', keyOf(job)), 'deferred')
    }
  }
}
