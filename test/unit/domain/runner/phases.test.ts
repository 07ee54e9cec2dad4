import { expect } from 'chai'
import type { RunnerJob } from '../../../../src/api/runner-job.ts'
import type { Runner, RunnerPhase } from '../../../../src/api/runner.ts'
import { shownRunnerPhase } from '../../../../src/domain/runner/plan.ts'
import { aJob, aRunner, deletedAt } from '../../../objects/builders.ts'

const starting = aRunner()
const busy = aRunner({ status: { phase: 'Busy' } })
const job = (phase: RunnerJob['status']['phase']) => aJob({ status: { phase } })

const cases: [behaviour: string, runner: Runner, job: RunnerJob | undefined, shown: RunnerPhase][] = [
  ['starting until its job runs', starting, job('Assigned'), 'Starting'],
  ['busy as soon as its job runs, before its status has it', starting, job('Running'), 'Busy'],
  ['busy', busy, job('Running'), 'Busy'],
  ['stopping as soon as its job has finished', busy, job('Completed'), 'Stopping'],
  ['stopping if its job was cancelled before it started', starting, job('Cancelled'), 'Stopping'],
  ['stopping when its pod was refused', aRunner({ status: { phase: 'Stopping' } }), job('Assigned'), 'Stopping'],
  ['stopping while it is being deleted', aRunner({ metadata: deletedAt(5) }), job('Running'), 'Stopping'],
  ['starting if its job has not been seen yet', starting, undefined, 'Starting'],
  ['stopping if its job is gone', busy, undefined, 'Stopping'],
]

describe('an ephemeral Runner is shown as', () => {
  for (const [behaviour, runner, own, shown] of cases) {
    it(behaviour, () => expect(shownRunnerPhase(runner, own)).to.equal(shown))
  }
})
