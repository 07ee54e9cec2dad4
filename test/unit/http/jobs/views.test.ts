import { expect } from 'chai'
import { publicId } from '../../../../src/api/job-state.ts'
import { runnerJobStatus } from '../../../../src/api/runner-job.ts'
import { iso, jobDetail, jobSummary, stateOf } from '../../../../src/http/jobs/views.ts'
import { aJob, aPool, aRunner, at, stamp } from '../../../objects/builders.ts'
import { FilledCaches } from '../../../objects/stores.ts'

const id = '01234567-89ab-cdef-0123-456789abcdef'

function empty() {
  return new FilledCaches().caches
}

describe('the public id of a job', () => {
  it('is its name where that is a UUID, else its uid', () => {
    expect(publicId(aJob({ metadata: { name: id } }))).to.equal(id)
    expect(publicId(aJob({ metadata: { name: 'by-hand', uid: id } }))).to.equal(id)
    expect(publicId(aJob({ metadata: { name: id.toUpperCase(), uid: 'uid' } }))).to.equal('uid')
  })
})

describe('the detail of a job', () => {
  it('has every key from the start, null while unknown', () => {
    expect(jobDetail(empty(), aJob({ metadata: { name: id } }), at(0))).to.deep.equal({
      id,
      githubJobId: 2,
      jobId: '2',
      runId: '1',
      repository: 'owner/repo',
      workflow: null,
      runnerName: null,
      status: 'queued',
      runnerId: null,
      containerId: null,
      labels: [],
      startedAt: null,
      completedAt: null,
      metadata: {
        delegatedAt: at(0).toISOString(),
        assignedAt: null,
        pool: null,
        runAttempt: null,
        sha: null,
        ref: null,
        eventName: null,
        actor: null,
        serverUrl: null,
        proxyRunner: null,
        reason: null,
        message: null,
        exitCode: null,
        result: null,
        attempt: 1,
        attempts: [],
        queuePosition: null,
        estimatedWaitSeconds: null,
        requestedCpuMillicoreSeconds: null,
        requestedMemoryMebibyteSeconds: null,
      },
    })
  })

  it('shows the attempts that ended before the current one', () => {
    const ended = { reason: 'Evicted', message: 'drained' }
    const attempts = [
      { ...ended, number: 1, poolName: 'pool', endedAt: stamp(5) },
      {
        ...ended,
        number: 2,
        poolName: 'pool',
        runnerName: 'job-2',
        podUID: 'pod-uid',
        nodeName: 'node',
        exitCode: 143,
        startedAt: stamp(6),
        endedAt: stamp(7),
      },
    ]
    const { metadata } = jobDetail(empty(), aJob({ status: { attempts } }), at(0))
    const unknown = { runner: null, podUid: null, node: null, exitCode: null, startedAt: null }
    const place = { runner: 'job-2', podUid: 'pod-uid', node: 'node', exitCode: 143 }
    expect(metadata).to.deep.include({
      attempt: 3,
      attempts: [
        { attempt: 1, ...unknown, ...ended, endedAt: at(5).toISOString() },
        { attempt: 2, ...place, ...ended, startedAt: at(6).toISOString(), endedAt: at(7).toISOString() },
      ],
    })
  })

  it('does not report a missing operator, since the operator itself responds', () => {
    const { metadata } = jobDetail(empty(), aJob({ status: runnerJobStatus.default }), at(0))
    expect(metadata).to.deep.include({ reason: null, message: null })
  })

  it('shows every field of a finished job', () => {
    const job = aJob({
      metadata: { name: id },
      spec: {
        workflow: 'CI',
        runnerName: 'proxy',
        labels: ['a'],
        delegatedAt: at(0.5).toISOString(),
        runAttempt: 2,
        sha: 'abc123',
        ref: 'refs/heads/main',
        eventName: 'push',
        actor: 'mona',
        message: { id: 'm', parts: 1, serverUrl: 'https://git.example.com' },
      },
      status: {
        phase: 'Failed',
        reason: 'ExitCode',
        message: 'exit code 3',
        exitCode: 3,
        runnerRef: { name: 'r', uid: 'runner-uid' },
        containerId: 'containerd://c',
        poolName: 'large',
        assignedAt: stamp(5),
        startedAt: stamp(10),
        completedAt: at(20).toISOString(),
        requested: { cpuMillicoreSeconds: 2500, memoryMebibyteSeconds: 10_240 },
      },
    })
    expect(jobDetail(empty(), job, at(0))).to.deep.include({
      status: 'failed',
      workflow: 'CI',
      runnerName: 'proxy',
      runnerId: 'runner-uid',
      containerId: 'containerd://c',
      labels: ['a'],
      startedAt: '2026-01-01T00:00:10.000Z',
      completedAt: '2026-01-01T00:00:20.000Z',
      metadata: {
        delegatedAt: '2026-01-01T00:00:00.500Z',
        assignedAt: '2026-01-01T00:00:05.000Z',
        pool: 'large',
        runAttempt: 2,
        sha: 'abc123',
        ref: 'refs/heads/main',
        eventName: 'push',
        actor: 'mona',
        serverUrl: 'https://git.example.com',
        proxyRunner: 'proxy',
        reason: 'ExitCode',
        message: 'exit code 3',
        exitCode: 3,
        result: null,
        attempt: 1,
        attempts: [],
        queuePosition: null,
        estimatedWaitSeconds: null,
        requestedCpuMillicoreSeconds: 2500,
        requestedMemoryMebibyteSeconds: 10_240,
      },
    })
  })

  it('has the position of a waiting job, and an estimate of its wait', () => {
    const filled = new FilledCaches()
    filled.putPool(aPool())
    for (let index = 0; index < 4; index += 1) {
      const job = filled.putJob(aJob({ metadata: { name: `started-${index}` } }))
      filled.putRunner(aRunner({ job, metadata: { creationTimestamp: stamp(index * 10) } }))
    }
    const waiting = filled.putJob(aJob({ metadata: { name: 'waiting' } }))
    const { metadata } = jobDetail(filled.caches, waiting, at(40))
    expect(metadata).to.deep.include({ queuePosition: 1, estimatedWaitSeconds: 10 })
  })

  const ids: [jobId: string, number: number | null][] = [
    ['12345', 12_345],
    ['9007199254740991', 9_007_199_254_740_991],
    ['9007199254740993', null],
    ['99999999999999999', null],
    ['build', null],
    ['1e3', null],
    ['-1', null],
    ['', null],
  ]
  for (const [jobId, number] of ids) {
    it(`has the GitHub job id ${number} for ${JSON.stringify(jobId)}`, () => {
      const job = aJob({ spec: { jobId } })
      expect(jobDetail(empty(), job, at(0))).to.include({ githubJobId: number, jobId })
      expect(jobSummary(empty(), job)).to.include({ githubJobId: number })
    })
  }

  it('shows a job with a Runner as assigned before its status is written', () => {
    const filled = new FilledCaches()
    const job = filled.putJob(aJob())
    const runner = filled.putRunner(aRunner({ job }))
    expect(stateOf(filled.caches, job)).to.equal('assigned')
    const detail = jobDetail(filled.caches, job, at(0))
    expect(detail).to.include({ status: 'assigned', runnerId: runner.metadata.uid })
    expect(detail['metadata']).to.include({ assignedAt: iso(runner.metadata.creationTimestamp), pool: 'pool' })
    const other = aJob({ metadata: { uid: 'another of that name' } })
    expect(jobDetail(filled.caches, other, at(0))).to.include({ status: 'queued', runnerId: null })
  })

  it('shows reported ids until the pod has its own', () => {
    const reported = { runnerId: 'r', containerId: 'c', at: stamp(1) }
    const job = aJob({ status: { phase: 'Running', reported } })
    expect(jobDetail(empty(), job, at(0))).to.include({ runnerId: 'r', containerId: 'c' })
    const own = aJob({ status: { ...job.status, containerId: 'containerd://x', runnerRef: { name: 'n', uid: 'u' } } })
    expect(jobDetail(empty(), own, at(0))).to.include({ runnerId: 'u', containerId: 'containerd://x' })
  })
})
