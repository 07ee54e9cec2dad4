import { expect } from 'chai'
import { adviceFor } from '../../../../src/api/advice.ts'
import { explain } from '../../../../src/plugin/jobs/explanation.ts'
import { jobName } from '../../../../src/plugin/jobs/job-name.ts'
import { textOf } from '../../../../src/plugin/jobs/why.ts'
import { aJob, at, stamp } from '../../../objects/builders.ts'

const flags = '-n team'

describe('why a job is in its state', () => {
  it('is said in words: what it means, what this job says, and what would help', () => {
    const message = 'no RunnerPool offers the label "gpu"'
    const job = aJob({ spec: { workflow: 'CI' }, status: { reason: 'NoMatchingPool', message } })
    const advice = adviceFor('NoMatchingPool')
    const text = textOf(explain(job, [], flags), at(200).getTime(), false)
    expect(text.split('\n')).to.deep.equal([
      'job is Queued for 3m20s (owner/repo, CI)',
      `  Reason:      NoMatchingPool: ${advice?.meaning}`,
      `  Message:     ${message}`,
      `  What helps:  ${advice?.help}`,
      '  Stages:      delegated 3m20s ago',
      '  See also:    kubectl -n team describe rp',
      '',
    ])
  })

  it('has the warnings about the pod, and the commands that show more', () => {
    const status = { phase: 'Failed', reason: 'ImagePull', podName: 'job-1', completedAt: stamp(30) } as const
    const warnings = [{ reason: 'Failed', note: 'not \u001b[2J found', at: stamp(20) }]
    const text = textOf(explain(aJob({ status }), warnings, flags), at(40).getTime(), false)
    expect(text).to.include('  Warning:     Failed, 20s ago: not ^[[2J found\n')
    expect(text).to.include('  Stages:      delegated 40s ago, ended 10s ago\n')
    expect(text).to.include('  See also:    kubectl -n team describe pod job-1\n')
  })

  it('has the position of a job in the queue of its pool, while it waits there', () => {
    const textIn = (phase: 'Queued' | 'Running'): string =>
      textOf(explain(aJob({ status: { phase, queuePosition: 12 } }), [], flags), at(1).getTime(), false)
    expect(textIn('Queued')).to.include('  Queue:       about position 12\n')
    expect(textIn('Running')).to.not.include('Queue')
  })

  it('has the attempts that were lost before', () => {
    const lost = { number: 1, poolName: 'pool', reason: 'Evicted', message: 'low on memory', endedAt: stamp(10) }
    const attempts = [{ ...lost, nodeName: 'node-3' }]
    const text = textOf(explain(aJob({ status: { reason: 'Retrying', attempts } }), [], flags), at(40).getTime(), false)
    expect(text).to.include('  Attempt 1:   Evicted on node-3, 30s ago: low on memory\n')
  })

  it('leads to the log where the job itself failed', () => {
    const status = { phase: 'Failed', reason: 'ExitCode', podName: 'job-1', exitCode: 3 } as const
    expect(explain(aJob({ status }), [], flags)).to.deep.include({
      exitCode: 3,
      commands: ['kubectl runnerhub -n team logs job'],
    })
  })

  it('admits that it does not know a reason of a later version', () => {
    const text = textOf(explain(aJob({ status: { reason: 'NewReason' } }), [], flags), at(1).getTime(), false)
    expect(text).to.include('NewReason: This version of the plugin does not know the reason.')
  })
})

describe('the name of a job', () => {
  it('may be as kubectl prints it', () => {
    for (const word of [
      'a-1',
      'rj/a-1',
      'runnerjob/a-1',
      'runnerjobs.runnerhub.dev/a-1',
      'runnerjob.runnerhub.dev/a-1',
    ]) {
      expect(jobName(word)).to.equal('a-1')
    }
  })

  it('is checked before it becomes part of a path', () => {
    for (const word of ['', '..', 'a/b', 'A', 'a\u001b'])
      expect(() => jobName(word), word).to.throw('is no name of a job')
  })
})
