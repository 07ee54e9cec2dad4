import { expect } from 'chai'
import { kinds } from '../../../src/api/crd.ts'
import type { KubeObject } from '../../../src/api/object.ts'
import { type RunnerJob, runnerJobs } from '../../../src/api/runner-job.ts'
import { type CrdSite, openWithCrds } from '../../objects/crds.ts'
import { samples } from './samples.ts'

function words(text: string): string[][] {
  return text.split('\n').map((line) => line.trim().split(/ {2,}/))
}

describe('kubectl', () => {
  let site: CrdSite
  before(async function () {
    this.timeout('60s')
    site = await openWithCrds()
    for (const { resource, spec, kind } of samples) {
      await site.create<KubeObject>(resource, { metadata: { name: kind.toLowerCase() }, spec })
    }
    const spec = { repository: 'other/repo', runId: '1', jobId: '1', workflow: 'Build' }
    const job = await site.create<RunnerJob>(runnerJobs, { metadata: { name: 'running' }, spec })
    const runnerRef = { name: 'running-1', uid: 'uid' }
    await site.putStatus(runnerJobs, job, {
      phase: 'Failed',
      reason: 'ExitCode',
      message: 'exit code 3',
      exitCode: 3,
      nodeName: 'node',
      runnerRef,
    })
  })
  after(() => site?.cluster.close())

  const get = (...args: string[]) => site.kubectl('get', ...args)
  const names = async (...args: string[]) => (await get(...args, '--output=name')).split('\n').filter(Boolean)

  it('get rj shows the subject of a job, its phase and its reason', async () => {
    const [header, running, queued] = words(await get('rj', '--sort-by=.spec.repository')).map((cells) =>
      cells.slice(0, -1),
    )
    expect(header).to.deep.equal(['NAME', 'REPOSITORY', 'WORKFLOW', 'PHASE', 'REASON', 'RUNNER'])
    expect(running).to.deep.equal(['running', 'other/repo', 'Build', 'Failed', 'ExitCode', 'running-1'])
    expect(queued).to.deep.equal(['runnerjob', 'owner/repo', 'CI', 'Queued', 'NoOperator'])
    expect(await get('rj')).to.match(/ AGE$/m)
  })

  it('get rj -o wide adds exit code, node and message', async () => {
    const [header, running] = words(await get('rj', 'running', '--output=wide'))
    expect(header).to.include.members(['EXIT', 'NODE', 'MESSAGE'])
    expect(running).to.include.members(['3', 'node', 'exit code 3'])
  })

  it('get rj -o wide and describe rj report a missing operator', async () => {
    for (const text of [await get('rj', '--output=wide'), await site.kubectl('describe', 'rj', 'runnerjob')])
      expect(text).to.match(/No operator has looked at this job yet\. If this stays.* no operator serves/)
  })

  it('get rn and get rp show Runners and pools', async () => {
    const [runnerHeader, runner] = words(await get('rn'))
    expect(runnerHeader).to.deep.equal(['NAME', 'TYPE', 'REPOSITORY', 'POOL', 'PHASE', 'REASON', 'POD', 'AGE'])
    expect(runner?.slice(0, 5)).to.deep.equal(['runner', 'Ephemeral', 'owner/repo', 'pool', 'Starting'])
    const [poolHeader, pool] = words(await get('rp'))
    expect(poolHeader).to.deep.equal(['NAME', 'LABELS', 'MAX', 'RUNNING', 'STARTING', 'QUEUED', 'READY', 'AGE'])
    expect(pool?.slice(0, 3)).to.deep.equal(['runnerpool', '["self-hosted"]', '2'])
  })

  it('get runnerhub lists all our kinds', async () => {
    expect(await names('runnerhub')).to.have.members([
      'runnerjob.runnerhub.dev/runnerjob',
      'runnerjob.runnerhub.dev/running',
      'runner.runnerhub.dev/runner',
      'runnerpool.runnerhub.dev/runnerpool',
    ])
  })

  it('selects by phase with no operator running, and by repository', async () => {
    const job = 'runnerjob.runnerhub.dev'
    expect(await names('rj', '--field-selector=status.phase=Queued')).to.deep.equal([`${job}/runnerjob`])
    expect(await names('rj', '--field-selector=status.phase=Failed')).to.deep.equal([`${job}/running`])
    expect(await names('rj', '--field-selector=spec.repository=owner/repo')).to.deep.equal([`${job}/runnerjob`])
    expect(await names('rj', '--field-selector=spec.repository=owner/repo,status.phase=Failed')).to.deep.equal([])
    expect(await names('rn', '--field-selector=status.phase=Starting')).to.deep.equal(['runner.runnerhub.dev/runner'])
    expect(await names('rn', '--field-selector=spec.repository=none/none')).to.deep.equal([])
    expect(await names('rn', '--field-selector=spec.type=Ephemeral')).to.deep.equal(['runner.runnerhub.dev/runner'])
  })

  for (const { resource, shortName } of kinds) {
    it(`explain ${shortName} describes every field`, async () => {
      const text = await site.kubectl('explain', '--recursive', `${resource.plural}.spec`)
      expect(text).to.match(/^KIND: +Runner/m)
      for (const part of ['spec', 'status']) {
        const described = await site.kubectl('explain', `${resource.plural}.${part}`)
        expect(described).to.not.include('<no description>')
        expect(described).to.include('DESCRIPTION:')
      }
    })
  }

  it('explains a field in a sentence', async () => {
    expect(await site.kubectl('explain', 'rj.spec.cancel')).to.include('Cannot be undone')
    expect(await site.kubectl('explain', 'rp.spec.template')).to.include('A pod template')
  })

  it('wait can await the end of a job by its phase', async () => {
    expect(
      await site.kubectl('wait', 'rj/running', '--for=jsonpath={.status.phase}=Failed', '--timeout=5s'),
    ).to.include('condition met')
  })
})
