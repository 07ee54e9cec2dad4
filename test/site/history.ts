import { isDeepStrictEqual } from 'node:util'
import { type RunnerJob, runnerJobs, type RunnerJobStatus } from '../../src/api/runner-job.ts'
import { attemptOf } from '../../src/domain/runner/keys.ts'
import { Reflector } from '../../src/kube/cache/reflector.ts'
import { Store } from '../../src/kube/cache/store.ts'
import { KubeClient } from '../../src/kube/client/client.ts'
import type { Connection } from '../../src/kube/connection/connection.ts'
import { RecordedLog } from '../documents/recorded-log.ts'

const order = ['Queued', 'Assigned', 'Running']
const final = ['Completed', 'Failed', 'Cancelled']

/** Whether only a proxy runner's report of the end before added: it after stored once, and only after the end. */
function isSeenEnd(
  { reported: reportedBefore, ...before }: RunnerJobStatus,
  { reported: reportedAfter, ...after }: RunnerJobStatus,
): boolean {
  return (
    reportedBefore?.completedAt === undefined &&
    reportedAfter?.completedAt !== undefined &&
    isDeepStrictEqual(before, after)
  )
}

function changesThePast(
  { attempts: before = [] }: RunnerJobStatus,
  { attempts: after = [] }: RunnerJobStatus,
): boolean {
  // The end of the pause after an attempt is added to it.
  const known = before.map((attempt, index) => ({ requeuedAt: after[index]?.requeuedAt, ...attempt }))
  const now = after.slice(0, before.length).map((attempt) => ({ requeuedAt: attempt.requeuedAt, ...attempt }))
  return !isDeepStrictEqual(now, known)
}

function wentBack(before: RunnerJobStatus, after: RunnerJobStatus): boolean {
  return !final.includes(after.phase) && order.indexOf(after.phase) < order.indexOf(before.phase)
}

/** Whether only what became of the log was added, once, after the end. */
function isSeenLog(before: RunnerJobStatus, after: RunnerJobStatus): boolean {
  const [known = [], conditions = []] = [before.conditions, after.conditions]
  const others = conditions.filter(({ type }) => type !== 'LogCaptured')
  return (
    others.length === conditions.length - 1 &&
    isDeepStrictEqual({ ...before, conditions: known }, { ...after, conditions: others })
  )
}

/** The status history of every job of a namespace, in order, and violations of the rules for jobs. */
export class History {
  /** Descriptions of the violations. */
  readonly violations: string[] = []
  readonly #client: KubeClient
  readonly #statuses = new Map<string, RunnerJob['status'][]>()
  readonly #stop = new AbortController()
  readonly #store = new Store<RunnerJob>()
  readonly #reflector: Reflector<RunnerJob>
  readonly #namespace: string
  #running: Promise<void> | undefined

  constructor(connection: Connection, namespace: string) {
    this.#namespace = namespace
    this.#client = new KubeClient(connection, { userAgent: 'test-history' })
    const log = new RecordedLog()
    this.#reflector = new Reflector({ client: this.#client, resource: runnerJobs, namespace, store: this.#store, log })
  }

  async start(): Promise<void> {
    this.#store.onChange(({ old, now }) => {
      if (now === undefined) return
      this.#statuses.set(now.metadata.uid, [...this.of(now.metadata.uid), now.status])
      if (old !== undefined) this.#judge(old, now)
    })
    this.#running = this.#reflector.run(this.#stop.signal)
    await this.#store.synced(this.#stop.signal)
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('stopped'))
    await this.#running
    await this.#client.close()
  }

  /** The jobs of the watch. */
  get jobs(): Store<RunnerJob> {
    return this.#store
  }

  /** The statuses of a job by its UID, oldest first. */
  of(uid: string): readonly RunnerJob['status'][] {
    return this.#statuses.get(uid) ?? []
  }

  /** The latest status of the job that has a name now. */
  named(name: string): RunnerJob['status'] | undefined {
    return this.#store.get(`${this.#namespace}/${name}`)?.status
  }

  #judge(old: RunnerJob, now: RunnerJob): void {
    const violates = (rule: string): void => {
      const change = `${JSON.stringify(old.status)} -> ${JSON.stringify(now.status)}`
      this.violations.push(`job ${now.metadata.name}: ${rule}: ${change}`)
    }
    const [before, after] = [old.status, now.status]
    const isSame = isDeepStrictEqual(before, after) || isSeenEnd(before, after) || isSeenLog(before, after)
    if (final.includes(before.phase) && !isSame) violates('a final status changed')
    const isNext = attemptOf(now) > attemptOf(old)
    if (changesThePast(before, after)) violates('an earlier attempt changed')
    if (isNext ? after.phase !== 'Queued' : wentBack(before, after)) violates('it went back')
    for (const field of ['podUID', 'runnerRef', 'assignedAt', 'startedAt'] as const) {
      if (!isNext && before[field] !== undefined && !isDeepStrictEqual(before[field], after[field]))
        violates(`${field} changed`)
    }
    const times = [after.assignedAt, after.startedAt, after.completedAt]
      .filter((time) => time !== undefined)
      .map(Date.parse)
    if (times.some((time, index) => time < (times[index - 1] ?? time))) violates('its times are out of order')
    if (final.includes(after.phase) !== (after.completedAt !== undefined))
      violates('only a finished job has completedAt')
  }
}
