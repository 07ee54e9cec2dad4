import type { RunnerReason } from '../../api/reasons.ts'
import type { Runner, RunnerStatus } from '../../api/runner.ts'
import { type Heartbeat, presenceOf } from './presence.ts'

/** What one reconcile of a proxy runner has to do. */
export interface ProxyPlan {
  status?: RunnerStatus
  act?: 'delete'
  /** Reconcile again after this time, in milliseconds. */
  requeueAfterMs?: number
}

export interface ProxyView {
  runner: Runner
  heartbeat: Heartbeat | undefined
  heartbeatMs: number
  /** How long an offline proxy runner is kept. */
  forgetMs: number
  now: Date
}

/**
 * Idle ──three heartbeats missed──▶ Offline ──heartbeat──▶ Idle. Offline ──for long──▶ deleted. Busy is never written:
 * it would cost two writes per job, and the RunnerJob already shows it.
 */
export function planProxy({ runner, heartbeat, heartbeatMs, forgetMs, now }: ProxyView): ProxyPlan {
  if (runner.metadata.deletionTimestamp !== undefined) return {}
  const { heardMs, offlineAtMs } = presenceOf(runner, heartbeat, heartbeatMs)
  const leftMs = offlineAtMs - now.getTime()
  if (leftMs > 0) return { ...move(runner, { phase: 'Idle' }), requeueAfterMs: leftMs }
  const keptMs = leftMs + forgetMs
  if (keptMs <= 0) return { act: 'delete' }
  const message = `last heartbeat at ${new Date(heardMs).toISOString()}`
  return { ...move(runner, { phase: 'Offline', reason: 'HeartbeatMissed', message }), requeueAfterMs: keptMs }
}

function move({ status }: Runner, to: RunnerStatus & { reason?: RunnerReason }): Pick<ProxyPlan, 'status'> {
  return status.phase === to.phase ? {} : { status: to }
}
