import { configMaps } from '../api/config-map.ts'
import { LOG_BYTES_ANNOTATION, LOG_LABEL } from '../api/names.ts'
import type { KubeClient } from '../kube/client/client.ts'
import { NotFound } from '../kube/client/errors.ts'
import type { Clock } from '../kube/runtime/clock.ts'
import type { Log } from '../kube/runtime/logger.ts'
import { abortable, deferred } from '../kube/runtime/signals.ts'
import { allPages } from './all-pages.ts'

/** What is kept once logs are deleted, so that the next ones do not delete at once. */
const KEPT_SHARE = 0.9

const RETRY_MS = 30_000

export interface SpaceOptions {
  client: KubeClient
  namespace: string
  maxBytes: number
  clock: Clock
  log: Log
}

/** One attempt's log in ConfigMaps. */
interface Kept {
  bytes: number
  createdAt: string
  names: string[]
}

/**
 * Keeps the ConfigMaps with logs of a namespace below a size: deletes the oldest logs. It counts what this process
 * stores, and lists only when that may be too much.
 */
export class ConfigMapSpace {
  readonly #options: SpaceOptions
  #bytes = 0
  #full = deferred<void>()

  constructor(options: SpaceOptions) {
    this.#options = options
  }

  /** A part was stored. */
  added(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes > this.#options.maxBytes) this.#full.resolve()
  }

  /** Makes room until the signal: at once, and whenever it is needed. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options
    while (!signal.aborted) {
      try {
        this.#full = deferred()
        await this.#makeRoom(signal)
        await abortable(this.#full.promise, signal)
      } catch (error) {
        if (signal.aborted) return
        log.warn({ err: error }, 'cannot delete old logs from the cluster')
        await clock.sleep(RETRY_MS, signal).catch(() => undefined)
      }
    }
  }

  async #makeRoom(signal: AbortSignal): Promise<void> {
    const { maxBytes, log } = this.#options
    const kept = await this.#list(signal)
    let bytes = kept.reduce((sum, each) => sum + each.bytes, 0)
    this.#bytes = bytes
    if (bytes <= maxBytes) return
    let deleted = 0
    for (const oldest of kept.toSorted((a, b) => Date.parse(a.createdAt) - Date.parse(b.createdAt))) {
      if (bytes <= maxBytes * KEPT_SHARE) break
      await this.#delete(oldest, signal)
      bytes -= oldest.bytes
      deleted += 1
    }
    this.#bytes = bytes
    log.info({ deleted, bytes }, 'deleted the oldest logs from the cluster')
  }

  async #list(signal: AbortSignal): Promise<Kept[]> {
    const { client, namespace } = this.#options
    const kept = new Map<string, Kept>()
    for await (const { metadata } of allPages(
      client,
      { resource: configMaps, namespace, labelSelector: LOG_LABEL },
      signal,
    )) {
      const pod = metadata.labels?.[LOG_LABEL] ?? ''
      const bytes = Number(metadata.annotations?.[LOG_BYTES_ANNOTATION] ?? 0)
      const known = kept.get(pod) ?? { bytes: 0, createdAt: metadata.creationTimestamp, names: [] }
      kept.set(pod, { ...known, bytes: known.bytes + bytes, names: [...known.names, metadata.name] })
    }
    return [...kept.values()]
  }

  /** The last part goes first: without it, a log has no parts for readers. */
  async #delete({ names }: Kept, signal: AbortSignal): Promise<void> {
    const { client, namespace } = this.#options
    for (const name of names.toSorted()) {
      await client.delete(configMaps, { namespace, name }, {}, signal).catch((error: unknown) => {
        if (!(error instanceof NotFound)) throw error
      })
    }
  }
}
