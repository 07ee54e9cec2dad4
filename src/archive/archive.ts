import type { KubeClient } from '../kube/client/client.ts'
import type { Clock } from '../kube/runtime/clock.ts'
import type { Log } from '../kube/runtime/logger.ts'
import { ConfigMapSpace } from './config-map-space.ts'
import { ConfigMapStore } from './config-map-store.ts'
import { S3Store } from './s3-store.ts'
import { OrphanedLogs } from './orphaned-logs.ts'
import { type ArchiveStore, keptLimits, type KeptStore } from './store.ts'
import { sweepArchive } from './sweeper.ts'
import { VolumeStore } from './volume-store.ts'

/** The settings that choose a store. */
export interface ArchiveSettings {
  namespace: string
  logArchive: 'cluster' | 's3' | 'volume' | 'none'
  logArchiveClusterMib: number
  logArchiveAttemptMib: number
  logArchiveTtlSeconds: number
  logArchiveFolder: string | undefined
  logArchiveBucket: string | undefined
  logArchivePrefix: string | undefined
  logArchiveRegion: string
  logArchiveEndpoint: string | undefined
  logArchivePathStyle: 'true' | 'false'
  logArchiveCaFile: string | undefined
  logArchiveEncryption: 'AES256' | 'aws:kms' | undefined
  logArchiveKmsKey: string | undefined
}

interface Tools {
  clock: Clock
  log: Log
  /** Whether the job with a UID is there. */
  exists: (jobUid: string) => boolean
}

/** What a leader stores logs with. */
export interface LeaderArchive {
  store: ArchiveStore
  /** Deletes what is too old or too much, until the signal. */
  run: (signal: AbortSignal) => Promise<void>
  /** Finds logs without jobs; absent where logs are kept beyond their jobs. */
  orphans?: OrphanedLogs
}

/** Where logs are kept once their pods are gone. */
export interface Archive {
  forReaders: (client: KubeClient) => ArchiveStore
  /** The store of a leader, and what deletes old logs until the signal. */
  forLeader: (client: KubeClient) => LeaderArchive
}

/** The archive of these settings; undefined if logs are not kept. */
export function archiveOf(settings: ArchiveSettings, tools: Tools): Archive | undefined {
  const limits = keptLimits(settings.logArchiveAttemptMib)
  switch (settings.logArchive) {
    case 'none':
      return undefined
    case 'cluster':
      return inCluster(settings, tools)
    case 's3':
      return outside(new S3Store({ settings: s3Settings(settings), limits }), settings, tools)
    case 'volume':
      return outside(new VolumeStore({ folder: settings.logArchiveFolder ?? '', limits }), settings, tools)
    default:
      return settings.logArchive satisfies never
  }
}

function inCluster({ namespace, logArchiveClusterMib }: ArchiveSettings, { clock, log, exists }: Tools): Archive {
  return {
    forReaders: (client) => new ConfigMapStore({ client }),
    forLeader: (client) => {
      const maxBytes = logArchiveClusterMib * 1024 * 1024
      const space = new ConfigMapSpace({ client, namespace, maxBytes, clock, log })
      const store = new ConfigMapStore({ client, onStored: (bytes) => space.added(bytes) })
      const orphans = new OrphanedLogs({ client, namespace, exists })
      return { store, run: (signal) => space.run(signal), orphans }
    },
  }
}

function outside(store: KeptStore, { namespace, logArchiveTtlSeconds }: ArchiveSettings, tools: Tools): Archive {
  const sweep = { ...tools, store, namespace, ttlMs: logArchiveTtlSeconds * 1000 }
  return {
    forReaders: () => store,
    forLeader: () => ({ store, run: (signal) => sweepArchive(sweep, signal) }),
  }
}

function s3Settings(settings: ArchiveSettings): ConstructorParameters<typeof S3Store>[0]['settings'] {
  const prefix = (settings.logArchivePrefix ?? '').replace(/\/*$/, '/')
  return {
    bucket: settings.logArchiveBucket ?? '',
    prefix: prefix === '/' ? '' : prefix,
    region: settings.logArchiveRegion,
    endpoint: settings.logArchiveEndpoint,
    pathStyle: settings.logArchivePathStyle === 'true',
    caFile: settings.logArchiveCaFile,
    encryption: settings.logArchiveEncryption,
    kmsKey: settings.logArchiveKmsKey,
  }
}
