import type { Runner, RunnerPhase } from '../../api/runner.ts'

/** What its Lease says of a proxy runner. */
export interface Heartbeat {
  renewTime?: string
  leaseDurationSeconds?: number
}

/** When a proxy runner was last heard of, and from when on it counts as offline. Milliseconds since 1970. */
export interface Presence {
  heardMs: number
  offlineAtMs: number
}

/** A proxy runner is offline when so many heartbeats in a row have not come. */
export const MISSED_HEARTBEATS = 3

/** Registering counts as a heartbeat, until there is a Lease that says more. */
export function presenceOf(runner: Runner, heartbeat: Heartbeat | undefined, heartbeatMs: number): Presence {
  const renewedMs = Date.parse(heartbeat?.renewTime ?? '')
  const heardMs = Number.isNaN(renewedMs) ? Date.parse(runner.metadata.creationTimestamp) : renewedMs
  const seconds = heartbeat?.leaseDurationSeconds
  const lastsMs = seconds === undefined ? heartbeatMs * MISSED_HEARTBEATS : seconds * 1000
  return { heardMs, offlineAtMs: heardMs + lastsMs }
}

/** Whether a heartbeat is to be written: once per third of a period, however often it is heard of, or to come back. */
export function isDue({ heardMs, offlineAtMs }: Presence, atMs: number, heartbeatMs: number): boolean {
  return atMs - heardMs >= heartbeatMs / 3 || atMs >= offlineAtMs
}

/** The phase to show of a proxy runner. One that is silent is offline, even if jobs that it delegated still run. */
export function shownProxyPhase({ offlineAtMs }: Presence, isDelegating: boolean, nowMs: number): RunnerPhase {
  if (nowMs >= offlineAtMs) return 'Offline'
  return isDelegating ? 'Busy' : 'Idle'
}
