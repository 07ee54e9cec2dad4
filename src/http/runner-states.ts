import type { Runner, RunnerPhase } from '../api/runner.ts'

type SpecType = Runner['spec']['type']

/** Type and phase of a Runner as REST shows them. */
export type RunnerType = Lowercase<SpecType>
export type RunnerState = Lowercase<RunnerPhase>

const byType: Readonly<Record<SpecType, RunnerType>> = {
  Proxy: 'proxy',
  Ephemeral: 'ephemeral',
  Dedicated: 'dedicated',
}

const byPhase: Readonly<Record<RunnerPhase, RunnerState>> = {
  Idle: 'idle',
  Busy: 'busy',
  Offline: 'offline',
  Starting: 'starting',
  Stopping: 'stopping',
}

export const runnerTypes: readonly RunnerType[] = Object.values(byType)
export const runnerStates: readonly RunnerState[] = Object.values(byPhase)

export function typeOf(runner: Runner): RunnerType {
  return byType[runner.spec.type]
}

export function runnerStateOfPhase(phase: RunnerPhase): RunnerState {
  return byPhase[phase]
}
