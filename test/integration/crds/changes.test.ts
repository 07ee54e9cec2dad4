import { expect } from 'chai'
import { jobPhases, type RunnerJob, runnerJobs, type RunnerJobStatus } from '../../../src/api/runner-job.ts'
import { type Runner, runners } from '../../../src/api/runner.ts'
import { isFinal } from '../../../src/domain/job/phases.ts'
import { type CrdSite, openWithCrds, type Verdict, withAt } from '../../objects/crds.ts'
import { samples } from './samples.ts'

const [jobSample, runnerSample] = samples
const minimal = { repository: 'owner/repo', runId: '1', jobId: '2' }
const time = '2027-01-01T00:00:00Z'

/** Another value of every immutable field. */
const otherFacts: Readonly<Record<string, unknown>> = {
  repository: 'owner/other',
  runId: '3',
  jobId: '4',
  runAttempt: 2,
  workflow: 'CD',
  runnerName: 'other',
  sha: 'fedcba9876',
  ref: 'refs/heads/other',
  eventName: 'schedule',
  actor: 'somebody',
  labels: ['self-hosted', 'more'],
  delegatedAt: time,
  message: { id: 'other', parts: 1 },
  poolName: 'other',
}
/** Mutable fields, with another value. */
const changeable: Readonly<Record<string, unknown>> = {
  priority: 2,
  timeoutSeconds: 61,
  queueTimeoutSeconds: 61,
  startTimeoutSeconds: 61,
  ttlSecondsAfterFinished: 0,
  cancel: true,
}

function expectImmutable(verdict: Verdict, field: string): void {
  const message = `${field} is immutable: a delegation's facts do not change, delegate again instead`
  expect(verdict).to.have.property('message').that.includes(message).and.includes(`spec.${field}`)
}

describe('a stored RunnerJob', () => {
  let site: CrdSite
  let full: RunnerJob
  let bare: RunnerJob
  before(async function () {
    this.timeout('60s')
    site = await openWithCrds()
    full = await site.create(runnerJobs, { metadata: { name: 'full' }, spec: jobSample?.spec })
    bare = await site.create(runnerJobs, { metadata: { name: 'bare' }, spec: minimal })
  })
  after(() => site?.cluster.close())

  function change(job: RunnerJob, field: string, value: unknown): Promise<Verdict> {
    return site.tryReplace(runnerJobs, { ...job, spec: withAt(job.spec, [field], value) })
  }

  it('is tested here for every field of its spec', () => {
    const fields = [...Object.keys(otherFacts), ...Object.keys(changeable)]
    expect(Object.keys(jobSample?.specSchema.properties ?? {})).to.have.members(fields)
  })

  for (const [field, other] of Object.entries(otherFacts)) {
    it(`keeps ${field}: a change, addition or removal is rejected`, async () => {
      expectImmutable(await change(full, field, other), field)
      if (!(field in minimal)) {
        expectImmutable(await change(full, field, undefined), field)
        expectImmutable(await change(bare, field, other), field)
      }
    })
  }

  it('keeps the order of its labels', async () => {
    expectImmutable(await change(full, 'labels', []), 'labels')
  })

  for (const [field, other] of Object.entries(changeable)) {
    it(`accepts a change of ${field}`, async () => {
      expect(await change(full, field, other)).to.include({ is: 'accepted' })
      expect(await change(bare, field, other)).to.include({ is: 'accepted' })
    })
  }

  it('may omit a field with a default', async () => {
    for (const field of Object.keys(changeable))
      expect(await change(full, field, undefined)).to.include({ is: 'accepted' })
  })

  it('can be written unchanged', async () => {
    expect(await site.tryReplace(runnerJobs, full)).to.include({ is: 'accepted' })
  })

  it('cannot be resumed once it is cancelled', async () => {
    const job = await site.create<RunnerJob>(runnerJobs, {
      metadata: { name: 'going' },
      spec: { ...minimal, cancel: true },
    })
    for (const value of [false, undefined]) {
      expect(await change(job, 'cancel', value))
        .to.have.property('message')
        .that.includes('cancel cannot be undone')
    }
    expect(await change(job, 'timeoutSeconds', 5)).to.include({ is: 'accepted' })
  })

  it('is unchanged by a write of its status, and its status by a write of the job', async () => {
    const job = await site.create<RunnerJob>(runnerJobs, { metadata: { name: 'apart' }, spec: minimal })
    const spec = { ...job.spec, timeoutSeconds: 5 }
    const written = await site.putStatus(runnerJobs, { ...job, spec }, { phase: 'Running', reason: 'Running' })
    expect(written).to.deep.include({ spec: job.spec, status: { phase: 'Running', reason: 'Running' } })
    const verdict = await site.tryReplace(runnerJobs, { ...written, spec, status: { phase: 'Failed' } })
    expect(verdict).to.have.nested.property('object.status.phase', 'Running')
    expect(verdict).to.have.nested.property('object.spec.timeoutSeconds', 5)
  })
})

describe('the phase of a RunnerJob', () => {
  let site: CrdSite
  before(async function () {
    this.timeout('60s')
    site = await openWithCrds()
  })
  after(() => site?.cluster.close())

  for (const phase of jobPhases) {
    const kept = isFinal(phase)
    it(`${phase} ${kept ? 'is kept' : 'may still change'}, while the rest of the status may be written`, async () => {
      const name = `is-${phase.toLowerCase()}`
      const created = await site.create<RunnerJob>(runnerJobs, { metadata: { name }, spec: minimal })
      const job = await site.putStatus(runnerJobs, created, { phase })
      const to = (status: RunnerJobStatus): Promise<Verdict> =>
        site.tryReplace(runnerJobs, { ...job, status }, 'status')
      for (const other of jobPhases.filter((each) => each !== phase)) {
        const verdict = await to({ phase: other })
        if (kept) expect(verdict).to.have.property('message').that.includes('a finished job keeps its phase')
        else expect(verdict).to.include({ is: 'accepted' })
      }
      expect(await to({ phase, message: 'more' })).to.include({ is: 'accepted' })
    })
  }

  it('of a finished job is kept when its status is removed', async () => {
    const created = await site.create<RunnerJob>(runnerJobs, { metadata: { name: 'bare' }, spec: minimal })
    const { status: _status, ...job } = await site.putStatus(runnerJobs, created, { phase: 'Completed' })
    expect(await site.tryReplace(runnerJobs, job, 'status')).to.include({ is: 'refused' })
  })
})

describe('a stored Runner', () => {
  let site: CrdSite
  let runner: Runner
  let bare: Runner
  before(async function () {
    this.timeout('60s')
    site = await openWithCrds()
    runner = await site.create(runners, { metadata: { name: 'runner' }, spec: runnerSample?.spec })
    const { type, repository, poolName, jobRef } = runner.spec
    bare = await site.create(runners, { metadata: { name: 'bare' }, spec: { type, repository, poolName, jobRef } })
  })
  after(() => site?.cluster.close())

  const others = {
    type: 'Proxy',
    displayName: 'other',
    repository: 'owner/other',
    labels: ['other'],
    poolName: 'other',
    jobRef: { name: 'other', uid: 'x' },
    attempt: 2,
    turn: { priority: 2, start: 3 },
  }
  const never = 'a Runner is immutable, but a proxy runner may change everything except its type and displayName'
  const change = (from: Runner, field: string, value: unknown): Promise<Verdict> =>
    site.tryReplace(runners, { ...from, spec: withAt(from.spec, [field], value) })

  it('is tested here for every field of its spec', () => {
    expect(Object.keys(runnerSample?.specSchema.properties ?? {})).to.have.members(Object.keys(others))
  })

  for (const [field, other] of Object.entries(others)) {
    it(`keeps ${field}`, async () => {
      expect(await change(runner, field, other))
        .to.have.property('message')
        .that.includes(never)
    })
  }

  for (const field of ['displayName', 'repository', 'labels', 'poolName', 'jobRef']) {
    it(`does not lose ${field}`, async () => {
      expect(await change(runner, field, undefined))
        .to.have.property('message')
        .that.includes(never)
    })
  }

  it('does not lose its type, and gets its default attempt if that is omitted', async () => {
    expect(await change(runner, 'type', undefined)).to.include({ is: 'refused' })
    expect(await change(runner, 'attempt', undefined)).to.have.nested.property('object.spec.attempt', 1)
  })

  for (const field of ['displayName', 'labels'] as const) {
    it(`does not get ${field} later`, async () => {
      expect(await change(bare, field, others[field]))
        .to.have.property('message')
        .that.includes(never)
    })
  }

  for (const field of ['repository', 'poolName', 'jobRef']) {
    it(`that is ephemeral is rejected without ${field}`, async () => {
      const spec = withAt(runner.spec, [field], undefined)
      const verdict = await site.tryCreate(runners, { metadata: { name: 'incomplete' }, spec })
      expect(verdict).to.have.property('message').that.includes('an ephemeral Runner must have repository')
    })
  }

  it('that is a proxy keeps its name, and may change the rest', async () => {
    const nameless = await site.tryCreate(runners, { metadata: { name: 'nameless' }, spec: { type: 'Proxy' } })
    expect(nameless).to.have.property('message').that.includes('a proxy runner must have a displayName')
    const spec = { type: 'Proxy', displayName: 'proxy-1', attempt: 1 }
    const proxy = await site.create<Runner>(runners, { metadata: { name: 'proxy' }, spec })
    const changed = { ...proxy, spec: { ...spec, labels: ['gpu'], repository: 'owner/repo' } }
    expect(await site.tryReplace(runners, changed)).to.include({ is: 'accepted' })
    expect(await site.tryReplace(runners, { ...proxy, spec: { ...spec, displayName: 'proxy-2' } })).to.include({
      is: 'refused',
    })
  })

  it('can be written unchanged', async () => {
    expect(await site.tryReplace(runners, runner)).to.include({ is: 'accepted' })
  })
})
