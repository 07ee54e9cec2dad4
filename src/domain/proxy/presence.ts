import type { Runner, RunnerPhase } from '../../api/runner.ts'

/** The heartbeat of a proxy runner in its Lease. */
export interface Heartbeat {
  renewTime?: string
  leaseDurationSeconds?: number
}

/** The time of a proxy runner's last heartbeat, and the time from which it counts as offline. Milliseconds since 1970. */
export interface Presence {
  heardMs: number
  offlineAtMs: number
}

/** A proxy runner is offline after this many missed heartbeats in a row. */
export const MISSED_HEARTBEATS = 3

/** Registration counts as a heartbeat until there is a Lease. */
export function presenceOf(runner: Runner, heartbeat: Heartbeat | undefined, heartbeatMs: number): Presence {
  const renewedMs = Date.parse(heartbeat?.renewTime ?? '')
  const heardMs = Number.isNaN(renewedMs) ? Date.parse(runner.metadata.creationTimestamp) : renewedMs
  const seconds = heartbeat?.leaseDurationSeconds
  const lastsMs = seconds === undefined ? heartbeatMs * MISSED_HEARTBEATS : seconds * 1000
  return { heardMs, offlineAtMs: heardMs + lastsMs }
}

/** Whether to write a heartbeat: at most once per third of a period, or when the proxy runner comes back. */
export function isDue({ heardMs, offlineAtMs }: Presence, atMs: number, heartbeatMs: number): boolean {
  return atMs - heardMs >= heartbeatMs / 3 || atMs >= offlineAtMs
}

/** The phase to show of a proxy runner. Without heartbeats it is offline, even if jobs that it delegated still run. */
export function shownProxyPhase({ offlineAtMs }: Presence, isDelegating: boolean, nowMs: number): RunnerPhase {
  if (nowMs >= offlineAtMs) return 'Offline'
  return isDelegating ? 'Busy' : 'Idle'
}
