import { expect } from 'chai'
import type { RunnerJob } from '../../../../src/api/runner-job.ts'
import type { RunnerPool } from '../../../../src/api/runner-pool.ts'
import { choosePool } from '../../../../src/domain/pool/choice.ts'
import { aJob, aPool, deletedAt, judged } from '../../../objects/builders.ts'

function pool(name: string, labels: string[], repositories?: string[]): RunnerPool {
  return aPool({ metadata: { name }, spec: { labels, ...(repositories !== undefined && { repositories }) } })
}

function jobWith(...labels: string[]): RunnerJob {
  return aJob({ spec: { labels } })
}

/** The name of the pool, or the reason for none. */
function chosen(job: RunnerJob, ...pools: RunnerPool[]): string {
  const choice = choosePool(job, pools)
  return choice.pool === undefined ? choice.message : choice.pool.metadata.name
}

describe('the pool of a job', () => {
  it('offers every label that the job requests, ignoring case', () => {
    const pools = [pool('linux', ['self-hosted', 'Linux']), pool('windows', ['self-hosted', 'windows'])]
    expect(chosen(jobWith('Self-Hosted', 'linux'), ...pools)).to.equal('linux')
    expect(chosen(jobWith('linux', 'gpu'), ...pools)).to.match(/^no RunnerPool offers/)
  })

  const refusals: [asked: string[], message: string][] = [
    [['gpu'], 'no RunnerPool offers the label "gpu"'],
    [['linux', 'GPU'], 'no RunnerPool offers the label "GPU"; the job requests "linux", "GPU"'],
    [['tpu', 'a b, c'], 'no RunnerPool offers the labels "tpu", "a b, c"'],
    [['Linux', 'windows'], 'no RunnerPool offers all of the labels "Linux", "windows"'],
  ]
  for (const [asked, message] of refusals) {
    it(`is none if ${message}`, () => {
      expect(chosen(jobWith(...asked), pool('a', ['linux']), pool('b', ['windows', 'x64']))).to.equal(message)
    })
  }

  it('is none with the same message when other pools appear', () => {
    const [linux, windows] = [pool('a', ['linux']), pool('b', ['windows'])]
    const job = jobWith('linux', 'gpu')
    expect(chosen(job, linux, windows)).to.equal(chosen(job, linux))
    const closed = [pool('c', [], ['other/*']), pool('d', [], ['others/*'])]
    expect(chosen(aJob(), ...closed)).to.equal(chosen(aJob(), ...closed.slice(1)))
  })

  it('is any for a job without labels', () => {
    expect(chosen(aJob(), pool('some', ['linux']))).to.equal('some')
    expect(chosen(aJob(), pool('none', []))).to.equal('none')
  })

  it('is the one with the most labels, then the first by name', () => {
    const small = pool('a', ['linux'])
    const big = pool('c', ['linux', 'x64'])
    const alike = pool('b', ['linux', 'arm64'])
    for (const pools of [
      [small, big, alike],
      [alike, big, small],
      [big, small, alike],
    ])
      expect(chosen(jobWith('linux'), ...pools)).to.equal('b')
  })

  it('is the named one whatever the labels are', () => {
    const job = aJob({ spec: { poolName: 'b', labels: ['gpu'] } })
    expect(chosen(job, pool('a', ['gpu']), pool('b', []))).to.equal('b')
    expect(chosen(job, pool('a', ['gpu']))).to.equal('there is no RunnerPool b')
  })

  it('allows the job’s repository, even when it is named', () => {
    const closed = pool('closed', [], ['other/*'])
    expect(chosen(aJob(), closed)).to.equal('no RunnerPool with its labels allows repository owner/repo')
    const named = aJob({ spec: { poolName: 'closed' } })
    expect(chosen(named, closed)).to.equal('RunnerPool closed does not allow repository owner/repo')
    expect(chosen(aJob(), closed, pool('open', []))).to.equal('open')
  })

  it('is of mode Worker for a job with a message, and of mode Template for one without', () => {
    const worker = aPool({ metadata: { name: 'worker' }, spec: { mode: 'Worker', labels: ['linux', 'x64'] } })
    const template = pool('template', ['linux'])
    const handedOver = aJob({ spec: { labels: ['linux'], message: { id: 'a', parts: 1 } } })
    expect(chosen(handedOver, template, worker)).to.equal('worker')
    expect(chosen(jobWith('linux'), template, worker)).to.equal('template')
    const { mode: _mode, ...stored } = template.spec
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as an older definition stores it
    expect(chosen(jobWith('linux'), { ...template, spec: stored as RunnerPool['spec'] })).to.equal('template')
  })

  it('is none where only the other mode fits, and the refusal says so', () => {
    const worker = aPool({ metadata: { name: 'worker' }, spec: { mode: 'Worker', labels: ['linux'] } })
    const handedOver = { labels: ['linux'], message: { id: 'a', parts: 1 } }
    const without = 'no RunnerPool of mode Template fits, which a job without a message needs (its labels fit worker)'
    const withOne = 'no RunnerPool of mode Worker fits, which a job with a message needs (its labels fit template)'
    expect(chosen(jobWith('linux'), worker)).to.equal(without)
    expect(chosen(aJob({ spec: handedOver }), pool('template', ['linux']))).to.equal(withOne)
    expect(chosen(aJob({ spec: { poolName: 'worker' } }), worker)).to.equal(without)
    expect(chosen(aJob({ spec: { ...handedOver, labels: ['gpu'] } }), worker)).to.equal(
      'no RunnerPool offers the label "gpu"',
    )
  })

  it('is not one that is being deleted', () => {
    const going = aPool({ metadata: { name: 'going', ...deletedAt(1) } })
    expect(chosen(aJob(), going)).to.equal('there is no RunnerPool')
    expect(chosen(aJob({ spec: { poolName: 'going' } }), going)).to.equal('there is no RunnerPool going')
  })
})

/** A pool with its own labels and a checked template. */
function judgedAs(name: string, status: 'True' | 'False', reason = 'InvalidPod'): RunnerPool {
  return judged(pool(name, ['a', name === 'b' ? 'b' : 'c']), status, { reason, message: `${name} said` })
}

/** The template was changed after its check. */
function changed({ metadata, ...rest }: RunnerPool): RunnerPool {
  return { ...rest, metadata: { ...metadata, generation: (metadata.generation ?? 0) + 1 } }
}

describe('a pool that is not ready', () => {
  const ready = judgedAs('b', 'True')
  const job = jobWith('a')

  it('does not get a job that also fits another pool, however many labels it has', () => {
    for (const reason of ['InvalidPod', 'AdmissionDenied']) {
      const broken = judgedAs('a', 'False', reason)
      const specific = { ...broken, spec: { ...broken.spec, labels: ['a', 'b', 'c'] } }
      expect(chosen(job, specific, ready), reason).to.equal('b')
    }
  })

  it('does not get a job that fits no other pool or names it, and the message shows why', () => {
    const expected = 'RunnerPool a is not ready: a said'
    expect(choosePool(job, [judgedAs('a', 'False')])).to.include({
      pool: undefined,
      reason: 'PoolNotReady',
      message: expected,
    })
    expect(chosen(aJob({ spec: { poolName: 'a' } }), judgedAs('a', 'False'), ready)).to.equal(expected)
    expect(chosen(job, judgedAs('c', 'False'), judgedAs('a', 'False'))).to.equal(
      `${expected}; RunnerPool c is not ready: c said`,
    )
  })

  it('gets a job that fits no other pool if admission refuses its pods, since that may change', () => {
    const denied = judgedAs('c', 'False', 'AdmissionDenied')
    expect(chosen(job, judgedAs('a', 'False'), denied)).to.equal('c')
  })

  it('is not one whose current template is unchecked', () => {
    expect(chosen(job, changed(judgedAs('a', 'False')))).to.equal('a')
    expect(chosen(job, pool('a', ['a']), ready)).to.equal('b')
    expect(chosen(job, changed(judgedAs('a', 'False')), ready)).to.equal('a')
  })
})

const globs: [glob: string, repository: string, allowed: boolean][] = [
  ['owner/repo', 'owner/repo', true],
  ['OWNER/Repo', 'owner/repo', true],
  ['owner/repo', 'owner/repo2', false],
  ['owner/repo', 'xowner/repo', false],
  ['owner/*', 'owner/repo', true],
  ['owner/*', 'owner2/repo', false],
  ['*/repo', 'owner/repo', true],
  ['*/*', 'owner/repo', true],
  ['owner/*-ci-*', 'owner/my-ci-tool', true],
  ['owner/*-ci-*', 'owner/my-ci', false],
  ['owner/a*a', 'owner/a', false],
  ['owner/a*a', 'owner/aa', true],
  ['owner/a*b*c', 'owner/acb', false],
  ['owner/**', 'owner/repo', true],
  ['owner/r.po', 'owner/repo', false],
]

describe('an allowed repository', () => {
  for (const [glob, repository, allowed] of globs) {
    it(`${glob} ${allowed ? 'includes' : 'leaves out'} ${repository}`, () => {
      const choice = choosePool(aJob({ spec: { repository } }), [pool('p', [], ['none/none', glob])])
      expect(choice.pool !== undefined).to.equal(allowed)
    })
  }

  it('is any when the list is empty', () => {
    expect(chosen(aJob(), pool('p', [], []))).to.equal('p')
  })
})
