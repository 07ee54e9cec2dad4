import type { Runner, RunnerPhase } from '../api/runner.ts'

/** Type and phase of a Runner as REST shows them. */
export type RunnerType = 'proxy' | 'ephemeral' | 'dedicated'
export type RunnerState = Lowercase<RunnerPhase>

const byType: Readonly<Record<Runner['spec']['type'], RunnerType>> = { Ephemeral: 'ephemeral' }

const byPhase: Readonly<Record<RunnerPhase, RunnerState>> = {
  Idle: 'idle',
  Busy: 'busy',
  Offline: 'offline',
  Starting: 'starting',
  Stopping: 'stopping',
}

export const runnerTypes: readonly RunnerType[] = ['proxy', 'ephemeral', 'dedicated']
export const runnerStates: readonly RunnerState[] = Object.values(byPhase)

export function typeOf(runner: Runner): RunnerType {
  return byType[runner.spec.type]
}

export function runnerStateOfPhase(phase: RunnerPhase): RunnerState {
  return byPhase[phase]
}
