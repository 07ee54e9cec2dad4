import type { ArchiveResults } from './measures/archive.ts'
import type { CaptureResult } from './measures/captures.ts'
import type { FullArchiveResult } from './measures/full-archive.ts'
import type { LogResult } from './measures/logs.ts'

/** One line of the table. */
export type Row = [what: string, value: string, target: string]

/** What the archive of logs costs, as rows of the table. */
export function archiveRows({ logs, captures, fullArchives }: ArchiveResults): Row[] {
  return [...logs.flatMap(logRows), ...captures.flatMap(captureRows), ...fullArchives.flatMap(fullArchiveRows)]
}

function logRows({ store, log, first, tail, tailCpu, raw, page, range, peakRssMb }: LogResult): Row[] {
  const times = ({ p50, p99 }: LogResult['tail']): string => `${p50.toFixed(1)}, ${p99.toFixed(1)}`
  const size = `${Math.round(log.bytes / 2 ** 20)} MiB, ${Math.round(log.packedBytes / 2 ** 20)} MiB packed`
  return [
    [`${store}: last 1,000 lines of a log of ${size}, p50 and p99 in ms`, times(tail), '< 100'],
    ['facade CPU for it, ms', tailCpu.toFixed(1), ''],
    ['its p50, of reading its last part raw', (tail.p50 / raw.p50).toFixed(1), ''],
    ['reading its last part raw, p50 and p99 in ms', times(raw), ''],
    ['first request of the process, ms', first.toFixed(0), ''],
    ['1,000 lines at any offset, p50 and p99 in ms', times(page), '< 100'],
    ['64 KiB by the header Range, p50 and p99 in ms', times(range), '< 100'],
    ['peak RSS, MB', peakRssMb.toFixed(0), ''],
  ]
}

function captureRows({ pods, unread, read, storedInSeconds }: CaptureResult): Row[] {
  const row = (what: string, of: (running: CaptureResult['read']) => number, digits: number): Row => [
    what,
    `${(of(read) - of(unread)).toFixed(digits)} (${of(read).toFixed(digits)}, without ${of(unread).toFixed(digits)})`,
    '',
  ]
  return [
    row(`reading the logs of ${pods} running pods, operator CPU s per minute`, ({ operator }) => operator.cpu, 1),
    row('operator RSS, MB', ({ operator }) => operator.rssMb, 0),
    row('API server CPU s per minute', ({ apiServer }) => apiServer.cpu, 1),
    row('API server RSS, MB', ({ apiServer }) => apiServer.rssMb, 0),
    ['all end at once: until the last log is stored, s', storedInSeconds.toFixed(1), ''],
  ]
}

function fullArchiveRows({ mib, configMaps, apiServerRssMb, etcdRssMb, etcdFileMb }: FullArchiveResult): Row[] {
  const row = (what: string, { before, after }: FullArchiveResult['etcdFileMb']): Row => [
    what,
    `${(after - before).toFixed(0)} (${before.toFixed(0)} to ${after.toFixed(0)})`,
    '',
  ]
  return [
    row(`archive in the cluster, ${mib} MiB in ${configMaps} ConfigMaps, API server RSS in MB`, apiServerRssMb),
    row('etcd RSS in MB', etcdRssMb),
    row('file of etcd in MB', etcdFileMb),
  ]
}
