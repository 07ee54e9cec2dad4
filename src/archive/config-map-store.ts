import { type ConfigMap, configMaps } from '../api/config-map.ts'
import {
  API_VERSION,
  JOB_UID_LABEL,
  LOG_BYTES_ANNOTATION,
  LOG_LABEL,
  MANAGED_BY,
  MANAGED_BY_LABEL,
} from '../api/names.ts'
import type { NewObject } from '../api/object.ts'
import type { KubeClient } from '../kube/client/client.ts'
import { AlreadyExists } from '../kube/client/errors.ts'
import { allPages } from './all-pages.ts'
import { type ArchiveLimits, type ArchiveStore, type Attempt, PartExists } from './store.ts'

const KEY = 'log.gz'
const KIB = 1024

/**
 * Keeps logs in the cluster: each part in an immutable ConfigMap, which belongs to the job and goes with it. The names
 * derive from the pod's UID, so no cache and no watch holds them, and the API server is asked for one at a time.
 */
export class ConfigMapStore implements ArchiveStore {
  readonly limits: ArchiveLimits = { head: 128 * KIB, tail: 112 * KIB, packedPart: 64 * KIB, part: 4096 * KIB }
  readonly #client: KubeClient
  readonly #onStored: (bytes: number) => void

  /** `onStored` hears of each part that is stored. */
  constructor({ client, onStored = () => undefined }: { client: KubeClient; onStored?: (bytes: number) => void }) {
    this.#client = client
    this.#onStored = onStored
  }

  async put(attempt: Attempt, name: string, part: Buffer, signal: AbortSignal): Promise<void> {
    try {
      await this.#client.createUnread(configMaps, configMapOf(attempt, name, part), signal)
    } catch (error) {
      if (!(error instanceof AlreadyExists)) throw error
      const existing = await this.get(attempt, name, signal)
      if (existing?.equals(part) !== true) throw new PartExists(`${configMapName(attempt, name)} has other lines`)
      return
    }
    this.#onStored(part.length)
  }

  async get({ namespace, ...attempt }: Attempt, name: string, signal: AbortSignal): Promise<Buffer | undefined> {
    const found = await this.#client.find(configMaps, { namespace, name: configMapName(attempt, name) }, signal)
    // Others may create ConfigMaps here.
    if (found?.metadata.labels?.[LOG_LABEL] !== attempt.podUid) return undefined
    return Buffer.from(found.binaryData?.[KEY] ?? '', 'base64')
  }

  async names({ namespace, podUid }: Attempt, signal: AbortSignal): Promise<string[]> {
    const labelSelector = `${LOG_LABEL}=${podUid}`
    const names: string[] = []
    for await (const { metadata } of allPages(this.#client, { resource: configMaps, namespace, labelSelector }, signal))
      names.push(metadata.name.slice(configMapName({ podUid }, '').length))
    return names
  }
}

function configMapName({ podUid }: Pick<Attempt, 'podUid'>, name: string): string {
  return `log-${podUid}-${name}`
}

function configMapOf(attempt: Attempt, name: string, part: Buffer): NewObject<ConfigMap> {
  const { namespace, jobName, jobUid, podUid } = attempt
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: configMapName(attempt, name),
      namespace,
      labels: { [MANAGED_BY_LABEL]: MANAGED_BY, [LOG_LABEL]: podUid, [JOB_UID_LABEL]: jobUid },
      annotations: { [LOG_BYTES_ANNOTATION]: String(part.length) },
      ownerReferences: [{ apiVersion: API_VERSION, kind: 'RunnerJob', name: jobName, uid: jobUid }],
    },
    immutable: true,
    binaryData: { [KEY]: part.toString('base64') },
  }
}
