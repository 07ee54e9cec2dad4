import { PoolQueue } from '../../../src/domain/pool/queue.ts'
import { rulesOf } from '../../../src/domain/pool/rules.ts'
import { type Surroundings, surroundings } from '../stage/machine.ts'
import { jain, quantile } from '../statistics.ts'

/** How long the queue of a pool takes, in milliseconds. */
export interface QueueResult {
  queued: number
  repositories: number
  surroundings: Surroundings
  /** From a free slot to the job that gets it, with the record of its turn. */
  decision: { p50: number; p99: number }
  /** To order the whole queue, for the positions. */
  order: number
  /** Jain's index of what each repository got while all of them waited; the first one has ninety percent of the jobs. */
  fairness: number
}

const priorities = 3

/** Queues of 10,000 jobs, of few and of many repositories, if that part is asked for. */
export function measureQueues(parts: readonly string[]): QueueResult[] {
  return parts.includes('queue') ? [20, 1000].map((repositories) => measureQueue(10_000, repositories)) : []
}

/** A queue that stays as long as it is: a new job comes for each that gets a slot. */
function measureQueue(queued: number, repositories: number): QueueResult {
  const around = surroundings()
  const queue = new PoolQueue(rulesOf(undefined))
  const add = (index: number): void => queue.add(jobAt(index, repositories))
  for (let index = 0; index < queued; index += 1) add(index)
  const times: number[] = []
  const got = new Map<string, number>()
  for (let index = queued; index < queued + queued / 2; index += 1) {
    const begun = performance.now()
    const job = queue.take()
    times.push(performance.now() - begun)
    // While every repository waits, in each priority.
    const isShared = times.length <= queued / 50
    if (job !== undefined && isShared) got.set(job.repository, (got.get(job.repository) ?? 0) + 1)
    add(index)
  }
  const begun = performance.now()
  queue.order()
  const order = performance.now() - begun
  const decision = { p50: quantile(times, 0.5), p99: quantile(times, 0.99) }
  return { queued, repositories, surroundings: around, decision, order, fairness: jain([...got.values()]) }
}

/** Nine of ten jobs are of the first repository. */
function jobAt(index: number, repositories: number): Parameters<PoolQueue['add']>[0] {
  const repository = index % 10 === 0 ? 1 + (Math.floor(index / 10) % (repositories - 1)) : 0
  return { key: `ns/${index}`, repository: `owner/${repository}`, delegatedMs: index, priority: index % priorities }
}
