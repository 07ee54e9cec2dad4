import { configMaps } from '../api/config-map.ts'
import { JOB_UID_LABEL, LOG_LABEL, MANAGED_BY, MANAGED_BY_LABEL } from '../api/names.ts'
import type { KubeObject } from '../api/object.ts'
import { runnerJobs } from '../api/runner-job.ts'
import { withoutManagedFields } from '../kube/cache/transform.ts'
import type { KubeClient } from '../kube/client/client.ts'
import { Conflict, Gone, NotFound } from '../kube/client/errors.ts'
import { allPages } from './all-pages.ts'

const PAGE = 500

/** Most pages that one look lists: a namespace with more parts is gone through in several looks. */
const MOST_PAGES = 4

/** Most parts that one look reads again, and may return. */
const MOST_PARTS = 500

/** By default as many parts are remembered as one look lists. */
const MOST_NOTED = MOST_PAGES * PAGE

export interface OrphanedLogsOptions {
  client: KubeClient
  namespace: string
  /** Whether the cache has the job with a UID. */
  exists: (jobUid: string) => boolean
  /** Most parts that are remembered from one look to the next. */
  mostNoted?: number
}

/** The parts of one pod's log whose job is gone. */
export interface OrphanedLog {
  jobUid: string
  parts: readonly [KubeObject, ...KubeObject[]]
}

/**
 * Finds logs in ConfigMaps that were left behind by their jobs, because somebody removed their owner. Those that still have
 * it are left to the garbage collector: at many jobs per second it is minutes behind, and to delete before it would cost
 * more requests than it saves. Only the deletion of a job can leave a log behind, so nothing is listed without one.
 */
export class OrphanedLogs {
  readonly #options: OrphanedLogsOptions
  readonly #noted = new Map<string, KubeObject>() // by name
  #next: string | undefined
  #isDue = true
  #isDueAgain = false

  constructor(options: OrphanedLogsOptions) {
    this.#options = options
  }

  /** A job was deleted. */
  jobGone(): void {
    this.#isDue = true
    this.#isDueAgain = true
  }

  /** The logs that the last look noted and that are still there, confirmed at the API server; notes others for the next. */
  async look(signal: AbortSignal): Promise<OrphanedLog[]> {
    const orphans = await this.#confirmed(signal)
    if (this.#isDue) await this.#note(signal)
    return orphans
  }

  /** The last part goes first: without it, a log has no parts for readers. */
  async delete({ parts }: OrphanedLog, signal: AbortSignal): Promise<void> {
    const { client, namespace } = this.#options
    for (const { metadata } of parts.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))) {
      const { name, uid } = metadata
      await client.delete(configMaps, { namespace, name }, { uid }, signal).catch((error: unknown) => {
        if (!(error instanceof NotFound || error instanceof Conflict)) throw error
      })
      this.#noted.delete(name)
    }
  }

  async #note(signal: AbortSignal): Promise<void> {
    const { client, namespace, exists } = this.#options
    const labelSelector = `${LOG_LABEL},${MANAGED_BY_LABEL}=${MANAGED_BY}`
    const { mostNoted = MOST_NOTED } = this.#options
    if (this.#next === undefined) this.#isDueAgain = false
    for (let pages = 0; pages < MOST_PAGES && this.#noted.size < mostNoted; pages += 1) {
      const from = this.#next === undefined ? {} : { continue: this.#next }
      // An expired token begins again, and cannot be used twice.
      this.#next = undefined
      const page = await client
        .listMetadataPage(configMaps, namespace, { labelSelector, limit: PAGE, ...from }, signal)
        .catch((error: unknown) => {
          if (error instanceof Gone) return undefined
          throw error
        })
      if (page === undefined) return
      for (const part of page.items) {
        const jobUid = jobUidOf(part)
        if (jobUid === undefined || exists(jobUid) || isOwnedBy(jobUid, part)) continue
        this.#noted.set(part.metadata.name, withoutManagedFields(part))
      }
      this.#next = page.continue
      if (this.#next !== undefined) continue
      this.#isDue = this.#isDueAgain
      return
    }
  }

  async #confirmed(signal: AbortSignal): Promise<OrphanedLog[]> {
    const { client, namespace } = this.#options
    const still: KubeObject[] = []
    for (const part of [...this.#noted.values()].slice(0, MOST_PARTS)) {
      const { name, uid } = part.metadata
      const found = await client.find(configMaps, { namespace, name }, signal)
      if (found?.metadata.uid === uid) still.push(part)
      else this.#noted.delete(name)
    }
    if (still.length === 0) return []
    const jobs = new Set<string>()
    for await (const { metadata } of allPages(client, { resource: runnerJobs, namespace, labelSelector: '' }, signal))
      jobs.add(metadata.uid)
    const logs = new Map<string, OrphanedLog>()
    for (const part of still) {
      const [jobUid, podUid] = [jobUidOf(part) ?? '', podUidOf(part)]
      if (jobs.has(jobUid)) this.#noted.delete(part.metadata.name)
      else logs.set(podUid, { jobUid, parts: [part, ...(logs.get(podUid)?.parts ?? [])] })
    }
    return [...logs.values()]
  }
}

function isOwnedBy(jobUid: string, { metadata }: KubeObject): boolean {
  return metadata.ownerReferences?.some(({ uid }) => uid === jobUid) === true
}

function podUidOf({ metadata }: KubeObject): string {
  return metadata.labels?.[LOG_LABEL] ?? ''
}

/** Undefined for a ConfigMap that is not a part of a log: others may use the label. */
function jobUidOf(part: KubeObject): string | undefined {
  const isPart = part.metadata.name.startsWith(`log-${podUidOf(part)}-`)
  return isPart ? part.metadata.labels?.[JOB_UID_LABEL] : undefined
}
