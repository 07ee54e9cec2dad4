import type { KubeClient } from '../kube/client/client.ts'
import type { Clock } from '../kube/runtime/clock.ts'
import type { Log } from '../kube/runtime/logger.ts'
import { ConfigMapSpace } from './config-map-space.ts'
import { ConfigMapStore } from './config-map-store.ts'
import type { ArchiveStore } from './store.ts'

/** The settings that choose a store. */
export interface ArchiveSettings {
  logArchive: 'cluster' | 'none'
  namespace: string
  logArchiveClusterMib: number
}

/** Where logs are kept once their pods are gone. */
export interface Archive {
  forReaders: (client: KubeClient) => ArchiveStore
  /** The store of a leader, and what deletes old logs until the signal. */
  forLeader: (client: KubeClient) => { store: ArchiveStore; run: (signal: AbortSignal) => Promise<void> }
}

/** The archive of these settings; undefined if logs are not kept. */
export function archiveOf(settings: ArchiveSettings, tools: { clock: Clock; log: Log }): Archive | undefined {
  const { logArchive, namespace, logArchiveClusterMib } = settings
  switch (logArchive) {
    case 'none':
      return undefined
    case 'cluster':
      return {
        forReaders: (client) => new ConfigMapStore({ client }),
        forLeader: (client) => {
          const space = new ConfigMapSpace({
            client,
            namespace,
            maxBytes: logArchiveClusterMib * 1024 * 1024,
            ...tools,
          })
          const store = new ConfigMapStore({ client, onStored: (bytes) => space.added(bytes) })
          return { store, run: (signal) => space.run(signal) }
        },
      }
    default:
      return logArchive satisfies never
  }
}
