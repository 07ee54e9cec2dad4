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
  ['busy as soon as its job runs, before that is written of it', starting, job('Running'), 'Busy'],
  ['busy', busy, job('Running'), 'Busy'],
  ['stopping as soon as its job is over', busy, job('Completed'), 'Stopping'],
  ['stopping where its job was cancelled before it started', starting, job('Cancelled'), 'Stopping'],
  ['stopping when it was refused its pod', aRunner({ status: { phase: 'Stopping' } }), job('Assigned'), 'Stopping'],
  ['stopping while it is being deleted', aRunner({ metadata: deletedAt(5) }), job('Running'), 'Stopping'],
  ['starting where its job has not been seen yet', starting, undefined, 'Starting'],
  ['stopping where its job is gone', busy, undefined, 'Stopping'],
]

describe('an ephemeral Runner is shown as', () => {
  for (const [behaviour, runner, own, shown] of cases) {
    it(behaviour, () => expect(shownRunnerPhase(runner, own)).to.equal(shown))
  }
})
