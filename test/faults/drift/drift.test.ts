import { randomInt } from 'node:crypto'
import { expect } from 'chai'
import { kubectl } from '../../../config/local/run.d/kubectl.ts'
import { run } from '../../../config/local/run.d/program.ts'
import { configMaps } from '../../../src/api/config-map.ts'
import { JOB_UID_LABEL, LOG_LABEL, RUNNER_TYPE_LABEL } from '../../../src/api/names.ts'
import { controllerUid, type KubeObject } from '../../../src/api/object.ts'
import { isHeldPod, pods } from '../../../src/api/pod.ts'
import { type RunnerJob, runnerJobs } from '../../../src/api/runner-job.ts'
import { runners } from '../../../src/api/runner.ts'
import { secrets } from '../../../src/api/secret.ts'
import { driftKinds } from '../../../src/domain/drift/drift.ts'
import { isFinished } from '../../../src/domain/job/phases.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { leases } from '../../../src/kube/election/lease.ts'
import { commandOf } from '../../documents/documents.ts'
import { factsOf, handOver, pack } from '../../hand-over/sending.ts'
import { type NodeLogs, serveLogs } from '../../kubelet/logs.ts'
import { pause } from '../../kubelet/pause.ts'
import { exited, runs } from '../../kubelet/script.ts'
import type { Operator } from '../../processes/operator.ts'
import { Draw } from '../../random/draw.ts'
import { scrape } from '../../site/calls/metrics.ts'
import { openSite, type Site } from '../../site/site.ts'
import { positive } from '../schedules/settings.ts'
import { type Blow, toFinished, toRunning, toWaiting } from './blows.ts'

const { DRIFT_SEED: given } = process.env
const seed = given === undefined ? randomInt(1, 100_000_000) : positive('DRIFT_SEED', given)
const forever = new AbortController().signal

/** One audit each two seconds; a drift that others heal is left to them for one. */
const env = { DRIFT_AUDIT_SECONDS: '2', LOG_ARCHIVE: 'cluster', LOG_CAPTURE_SECONDS: '5', LEASE_SECONDS: '5' }
/** As much as an installation has by default. */
const HEALED_MS = 60_000

/** A blow to one job, at a time. */
interface Dealt {
  what: string
  blow: Blow
  job: RunnerJob
  atMs: number
}

describe(`objects deleted, stripped and given other owners at random (DRIFT_SEED=${seed})`, function () {
  this.timeout('180s')
  const draw = new Draw(seed)
  let site: Site
  let logs: NodeLogs
  let operator: Operator
  let bystander: RunnerJob
  const dealt: Dealt[] = []

  before(async () => {
    site = await openSite()
    logs = await serveLogs(site.plane.client, { isOver: true })
    site.kubelet.onPod(() => runs())
    await site.createPool('default', { maxRunners: 100 })
    const template = { spec: { containers: [{ name: 'runner', image: 'actions-runner' }] } }
    await site.createPool('workers', { mode: 'Worker', labels: ['linux'], maxRunners: 0, template })
    operator = await site.operator({ env })
    const of = (blows: Readonly<Record<string, Blow>>, prefix: string, make: (name: string) => Promise<RunnerJob>) =>
      Promise.all(
        Object.entries(blows).map(async ([what, blow], index) => ({
          what,
          blow,
          job: await make(`${prefix}${index}`),
        })),
      )
    const all = await Promise.all([
      of(toRunning, 'runs', runningJob),
      of(toFinished, 'over', finishedJob),
      of(toWaiting, 'waits', waitingJob),
    ])
    for (const each of all.flat()) dealt.push({ ...each, atMs: draw.within(0, 6000) })
    bystander = await runningJob('bystander')
  })
  after(async () => {
    await site.close()
    await logs.close()
  })

  async function runningJob(name: string): Promise<RunnerJob> {
    await site.createJob(name)
    return site.jobIs(name, { phase: 'Running' }, 30_000)
  }

  async function finishedJob(name: string): Promise<RunnerJob> {
    await runningJob(name)
    await site.kubelet.apply(`${name}-1`, (pod) => exited(pod, 0))
    await site.until(`the pod of ${name} to be released`, async () => {
      const pod = await site.pod(name)
      return pod !== undefined && !isHeldPod(pod)
    })
    return site.jobIs(name, { phase: 'Completed' })
  }

  async function waitingJob(name: string): Promise<RunnerJob> {
    const { body, text } = await handOver(
      operator.url,
      factsOf(name, { labels: ['linux'] }),
      pack(`{"jobId":"${name}"}`),
    )
    const id = asObject(body['data'])['delegationId']
    if (typeof id !== 'string') throw new Error(`not delegated: ${text}`)
    return site.until(`job ${id}`, () => site.job(id))
  }

  /** The drifts that the operator counts. */
  async function counted(): Promise<number> {
    const samples = await scrape(operator)
    return driftKinds.reduce(
      (sum, kind) => sum + (samples.get(`github_runnerhub_drift_objects{kind="${kind}"}`) ?? 0),
      0,
    )
  }

  const names = (blows: Readonly<Record<string, Blow>>, pattern: RegExp): string[] =>
    dealt.filter(({ what }) => what in blows && pattern.test(what)).map(({ job }) => job.metadata.name)

  it('while the operator is killed and started again', async () => {
    const killAtMs = draw.within(500, 5500)
    const begun = performance.now()
    const at = (ms: number) => pause(Math.max(0, begun + ms - performance.now()), forever)
    await Promise.all([
      ...dealt.map(async ({ blow, job, atMs }) => {
        await at(atMs)
        await blow(site, job, bystander)
      }),
      at(killAtMs).then(async () => {
        operator.kill()
        operator = await site.operator({ env })
      }),
    ])
  })

  it('leave every job that still runs with its Runner and its pod, which get back what they lost', async () => {
    const stripped = names(toRunning, /^the (pod|Runner) (loses|gets)/)
    expect(stripped).to.have.length(8)
    const missing = async () => (await Promise.all(stripped.map(missingOf))).flat()
    await site.until('Runners and pods to have everything', async () => (await missing()).length === 0, HEALED_MS)
    expect(await missing()).to.deep.equal([])
  })

  /** What a running job and its objects lack. */
  async function missingOf(name: string): Promise<string[]> {
    const [job, runner, pod] = [await site.job(name), await site.runner(name), await site.pod(name)]
    const uid = job?.metadata.uid
    const has = {
      phase: job?.status.phase === 'Running',
      Runner: runner !== undefined && controllerUid(runner) === uid,
      pod: pod !== undefined && controllerUid(pod) === runner?.metadata.uid,
      finalizer: pod !== undefined && isHeldPod(pod),
      labels: [runner, pod].every((object) => object?.metadata.labels?.[JOB_UID_LABEL] === uid),
    }
    return Object.entries(has).flatMap(([what, isThere]) => (isThere ? [] : [`${what} of ${name}`]))
  }

  it('end every job whose Runner, pod or message is gone for good, and no other', async () => {
    const lost = [
      ...names(toRunning, /^the (Runner|pod) is deleted/),
      ...names(toWaiting, /^(a Secret of the message|the Lease of the message) is deleted/),
    ]
    expect(lost).to.have.length(6)
    for (const name of lost) {
      const { status } = await site.jobIs(name, { phase: 'Failed' }, HEALED_MS)
      expect(status.reason).to.be.oneOf(['PodDeleted', 'VolumeUnavailable'])
    }
    const kept = names(toWaiting, /loses/)
    expect(kept).to.have.length(2)
    for (const name of kept) expect((await site.job(name))?.status.phase, name).to.equal('Queued')
  })

  it('bring each kind back together, with Events that say so, and nothing counted any more', async () => {
    const { kubeconfig } = site.plane.controlPlane
    const [, ...args] = commandOf('docs/runbooks/RunnerHubDrift.md', 'kubectl').split(' ')
    const command = kubectl(
      { kubeconfig, namespace: site.namespace },
      ...args.map((word) => word.replace('NAMESPACE', site.namespace)),
    )
    await site.until(
      'Events of each kind',
      async () => {
        const shown = (await run(command, {}, forever)).stdout
        for (const noun of ['Runner ', 'Pod ', 'message ', 'log ']) expect(shown).to.include(`  ${noun}`)
        return true
      },
      HEALED_MS,
    )
    await site.until('no drift to be counted', async () => (await counted()) === 0, HEALED_MS)
  })

  it('hold nothing for ever', async () => {
    for (const name of ['bystander', ...names(toRunning, /^the (pod|Runner) (loses|gets)/)]) {
      await site.kubelet.apply(`${name}-1`, (pod) => exited(pod, 0))
      await site.jobIs(name, { phase: 'Completed' }, HEALED_MS)
    }
    for (const { job } of dealt)
      if ((await site.job(job.metadata.name))?.status.phase === 'Queued') await site.cancel(job.metadata.name)
    await site.until(
      'nothing to be left',
      async () => {
        expect(await left()).to.deep.equal([])
        return true
      },
      HEALED_MS,
    )
    await site.until('no drift to be counted', async () => (await counted()) === 0, HEALED_MS)
  })

  it('run no job twice', () => site.checkInvariants())

  /** Objects without their owner, and pods of finished jobs that still run or are held. */
  async function left(): Promise<string[]> {
    const [jobs, ofJobs, ofRunners] = [await site.list(runnerJobs), await site.list(runners), await site.list(pods)]
    const ephemeral = ofJobs.filter(({ spec }) => spec.type === 'Ephemeral')
    const owners = new Set<string | undefined>([...jobs, ...ofJobs].map(({ metadata }) => metadata.uid))
    const parts = (await site.list(configMaps)).filter(({ metadata }) => metadata.labels?.[LOG_LABEL] !== undefined)
    const messages = [
      ...(await site.list(secrets)).filter(({ type }) => type === 'runnerhub.dev/message'),
      ...(await site.list(leases)).filter(({ metadata }) => metadata.labels?.[RUNNER_TYPE_LABEL] === undefined),
    ]
    const unfinished = jobs.filter((job) => !isFinished(job))
    const unowned = [...ephemeral, ...ofRunners].filter((object) => !owners.has(controllerUid(object)))
    const orphans = parts.filter(({ metadata }) => !owners.has(metadata.labels?.[JOB_UID_LABEL]))
    const held = ofRunners.filter((pod) => isHeldPod(pod) || !['Succeeded', 'Failed'].includes(pod.status?.phase ?? ''))
    const shown = (what: string, objects: readonly KubeObject[]) =>
      objects.map(({ metadata }) => `${what} ${metadata.name}`)
    return [
      ...shown('running', unfinished),
      ...shown('without its owner', unowned),
      ...shown('part of a log without its job', orphans),
      ...shown('held', held),
      ...shown(
        'message',
        messages.filter(({ metadata }) => metadata.name !== 'runnerhub'),
      ),
    ]
  }
})
