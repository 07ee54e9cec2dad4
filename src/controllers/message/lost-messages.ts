import type { RunnerJob } from '../../api/runner-job.ts'
import { Lru } from '../../collections/lru.ts'

/** Most jobs that are remembered; each fails at its next reconcile. */
const MOST = 1000

/** The jobs whose messages the API server does not have any more. A term's audit finds them again. */
export class LostMessages {
  readonly #uids = new Lru<string, true>(MOST)

  has({ metadata }: RunnerJob): boolean {
    return this.#uids.get(metadata.uid) === true
  }

  add({ metadata }: RunnerJob): void {
    this.#uids.set(metadata.uid, true)
  }
}
