import { keyOf } from '../../api/object.ts'
import type { RunnerJob } from '../../api/runner-job.ts'
import type { Workqueue } from '../../kube/queue/workqueue.ts'
import { queueKey } from '../queue-keys.ts'

/** How long to collect further jobs, so that one write counts many. */
const BATCH_MS = 1000

/** How long after one deletion the next one of a batch begins: a burst of them would slow down new jobs. */
const SPACING_MS = 10

/** Finished jobs at the end of their TTL that the ledger does not count yet. They may be deleted once it does. */
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

  /** Removes the settled jobs, and requeues them: jobs that still exist can then be deleted. */
  drop(isSettled: (job: RunnerJob) => boolean): void {
    const settled = [...this.#due].filter(([, job]) => isSettled(job))
    for (const [index, [uid, job]] of settled.entries()) {
      this.#due.delete(uid)
      this.#queue.addAfter(queueKey('job', keyOf(job)), index * SPACING_MS, 'deferred')
    }
  }
}
