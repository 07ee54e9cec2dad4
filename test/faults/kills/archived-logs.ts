import { type ConfigMap, configMaps } from '../../../src/api/config-map.ts'
import { JOB_UID_LABEL, LOG_LABEL } from '../../../src/api/names.ts'
import type { Attempt } from '../../../src/archive/store.ts'
import { ArchivedLog } from '../../../src/archive/reader.ts'
import { Reflector } from '../../../src/kube/cache/reflector.ts'
import { Store } from '../../../src/kube/cache/store.ts'
import { RecordedLog } from '../../documents/recorded-log.ts'
import { MemoryStore } from '../../objects/memory-store.ts'
import type { Site } from '../../site/site.ts'

const never = new AbortController().signal

/** Every part of a log that a watch has shown, also of jobs that are gone. */
export class ArchivedLogs {
  readonly #parts = new MemoryStore()
  readonly #attempts = new Map<string, Attempt>()
  readonly #stop = new AbortController()
  readonly #running: Promise<void>

  constructor({ client, namespace }: Site) {
    const store = new Store<ConfigMap>()
    store.onChange(({ now }) => now && void this.#keep(now))
    const reflector = new Reflector({ client, resource: configMaps, namespace, store, log: new RecordedLog() })
    this.#running = reflector.run(this.#stop.signal)
  }

  /** The lines of each log of a job that is stored to its end, without their timestamps. */
  async of(jobUid: string): Promise<string[][]> {
    const attempts = [...this.#attempts.values()].filter((attempt) => attempt.jobUid === jobUid)
    const found: string[][] = []
    for (const attempt of attempts) {
      const log = await ArchivedLog.open(this.#parts, attempt, never)
      if (log === undefined) continue
      let text = ''
      for await (const piece of log.read(0, Infinity, never)) text += piece.text.toString()
      found.push(text.split('\n').flatMap((line) => (line === '' ? [] : [line.slice(line.indexOf(' ') + 1)])))
    }
    return found
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('the test is over'))
    await this.#running
  }

  async #keep({ metadata, binaryData = {} }: ConfigMap): Promise<void> {
    const podUid = metadata.labels?.[LOG_LABEL]
    if (podUid === undefined) return
    const attempt = { namespace: '', jobName: '', jobUid: metadata.labels?.[JOB_UID_LABEL] ?? '', podUid }
    this.#attempts.set(podUid, attempt)
    const [part = ''] = Object.values(binaryData)
    await this.#parts.put(attempt, metadata.name.slice(`log-${podUid}-`.length), Buffer.from(part, 'base64'))
  }
}
