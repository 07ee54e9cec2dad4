import type { Options } from '../options.ts'
import { say } from '../stage/progress.ts'
import type { Shipped } from '../stage/shipped.ts'
import { type CaptureResult, measureCaptures } from './captures.ts'
import { type FullArchiveResult, measureFullArchive } from './full-archive.ts'
import { type LogResult, measureLogs } from './logs.ts'

/** The cost of the archive of logs. */
export interface ArchiveResults {
  logs: LogResult[]
  captures: CaptureResult[]
  fullArchives: FullArchiveResult[]
}

/** What LOG_ARCHIVE_CLUSTER_MIB is by default. */
const CLUSTER_MIB = 64

/** Measures those of its parts that were asked for. */
export async function measureArchive(
  { parts, logMib, running }: Pick<Options, 'parts' | 'logMib' | 'running'>,
  shipped: Shipped,
): Promise<ArchiveResults> {
  const results: ArchiveResults = { logs: [], captures: [], fullArchives: [] }
  if (parts.includes('logs')) {
    say(`a log of ${logMib} MiB`)
    results.logs.push(...(await measureLogs(logMib, shipped)))
  }
  if (parts.includes('captures')) {
    say(`the logs of ${running} running pods`)
    results.captures.push(await measureCaptures(running, shipped))
  }
  if (parts.includes('full-archive')) {
    say('a full archive in the cluster')
    results.fullArchives.push(await measureFullArchive(CLUSTER_MIB))
  }
  return results
}
