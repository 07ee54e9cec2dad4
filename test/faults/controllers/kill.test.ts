import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { JOB_LABEL, MESSAGE_LABEL } from '../../../src/api/names.ts'
import type { KubeObject } from '../../../src/api/object.ts'
import type { RunnerJob } from '../../../src/api/runner-job.ts'
import { type RunnerPool, runnerPools } from '../../../src/api/runner-pool.ts'
import { secrets } from '../../../src/api/secret.ts'
import { partNames } from '../../../src/domain/hand-over/message-parts.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { leases } from '../../../src/kube/election/lease.ts'
import { factsOf, handOver, pack } from '../../hand-over/sending.ts'
import { type NodeLogs, serveLogs } from '../../kubelet/logs.ts'
import { exits, ignored, refused, runs, type Script } from '../../kubelet/script.ts'
import { eventually } from '../../observe/eventually.ts'
import { sharedPlane } from '../../site/plane.ts'
import { openSite, type Site } from '../../site/site.ts'
import { ArchivedLogs } from '../kills/archived-logs.ts'
import { answered, type Kill, neverAnswered, neverSent, spared, type Stage, WRITES, writesIn } from '../kills/kill.ts'
import { startFaultProxy } from '../proxy/proxy.ts'

/** A log of two parts: it packs to half of its bytes. */
const LINES = Array.from({ length: 160 }, (_, line) => `${line} ${randomBytes(512).toString('hex')}`)

interface Scenario {
  phase: string
  /** Of its last pod. */
  script: Script
  /** Its pods: one if the last one is the first. */
  attempts?: number
  /** The writes to kill at, in about the order of its life. */
  kills: string[]
  /** Those of them that may not come, since another write may have done their work. */
  spared: string[]
  /** It is handed over to the facade, with a message. */
  isHandedOver?: true
  /** An action on the job once it runs. */
  whileRunning?: (site: Site, job: string) => Promise<void>
}

/** A job of a proxy runner that calls for the first time: all of the writes that there are. */
const isHandedOver: Scenario = {
  phase: 'Completed',
  script: exits(100, { startMs: 50, runMs: 150 }),
  isHandedOver: true,
  kills: [
    // The facade: the message, the job, and the job as the owner of the message.
    'POST leases',
    'POST secrets',
    'POST runnerjobs',
    'PUT leases',
    // The Runners of the job and of the proxy, whose last sign of life is a Lease.
    'POST runners',
    'POST runners 2',
    'POST leases 2',
    'POST pods',
    'PUT runners/status',
    'PUT runners/status 2',
    'PUT runnerjobs/status',
    'DELETE secrets',
    'DELETE leases',
    // The log in two parts, the outcome with its condition, and the release of the pod.
    'POST configmaps',
    'POST configmaps 2',
    'PUT runnerjobs/status 2',
    'PATCH pods',
    // Retention, and the count of what it deletes.
    'DELETE runners',
    'PUT configmaps',
    'DELETE runnerjobs',
  ],
  spared: ['POST leases 2', 'PUT runners/status 2', 'PUT runnerjobs/status 2', 'DELETE runners'],
}
const isTriedAgain: Scenario = {
  phase: 'Completed',
  script: exits(0, { startMs: 50, runMs: 150 }),
  attempts: 2,
  // From the record of the lost attempt to the second pod: the others are as in a job without one.
  kills: [
    'PUT runnerjobs/status',
    'PATCH pods',
    'DELETE runners',
    'DELETE pods',
    'PUT runnerjobs/status 2',
    'POST runners 2',
    'POST pods 2',
  ],
  spared: ['DELETE runners', 'DELETE pods', 'POST runners 2'],
}
const isCancelled: Scenario = {
  phase: 'Cancelled',
  script: runs(),
  whileRunning: (site, job) => site.cancel(job),
  // From the phase Running, with the pod's deadline, to its release.
  kills: [
    'PUT runnerjobs/status',
    'PUT runnerjobs/status 2',
    'PATCH pods',
    'POST configmaps 2',
    'PUT runnerjobs/status 3',
    'PATCH pods 2',
  ],
  spared: ['PUT runnerjobs/status 3'],
}

/** What a sweep has: a stage, and what its oracles read. */
interface Sweep {
  stage: Stage
  kill: Kill
  scenario: Scenario
  logs: ArchivedLogs
  /** The jobs whose client knows them: their pods run only then, so that no job ends before. */
  acknowledged: Set<string>
}

/** What a sweep found: the writes of a job that nobody disturbs, and those at which the operator was killed. */
interface Swept {
  life: string[]
  killedAt: string[]
}

/** Runs one job for each write of its life, and kills the operator at it. */
async function sweep(name: string, kill: Kill, scenario: Scenario, nodeLogs: NodeLogs): Promise<Swept> {
  const site = await openSite()
  const proxy = await startFaultProxy(site.plane.controlPlane)
  const logs = new ArchivedLogs(site)
  const acknowledged = new Set<string>()
  try {
    await createPools(site)
    const rejection = refused('OutOfcpu', 'too little cpu')
    site.kubelet.onPod((pod) => {
      const isFirst = pod.metadata.name.endsWith('-1')
      for (const line of LINES) nodeLogs.write(pod.metadata.name, line)
      nodeLogs.end(pod.metadata.name)
      if (scenario.attempts === 2 && isFirst) return rejection
      return acknowledged.has(pod.metadata.labels?.[JOB_LABEL] ?? '') ? scenario.script : ignored()
    })
    const env = { LOG_ARCHIVE: 'cluster' }
    const stage: Stage = { site, proxy, operator: await site.operator({ proxy, env }), env }
    await stage.operator.leads()
    await site.until('the pools to be ready', async () => (await site.list(runnerPools)).every(isReady))
    const sweeping = { stage, kill, scenario, logs, acknowledged }
    const before = proxy.seen(WRITES).length
    await killOnce({ ...sweeping, kill: spared }, `${name}-0`, '')
    const life = writesIn(proxy.seen(WRITES).slice(before))
    const killedAt: string[] = []
    for (const [index, write] of scenario.kills.entries()) {
      if (await killOnce(sweeping, `${name}-${index + 1}`, write)) killedAt.push(write)
    }
    return { life, killedAt }
  } finally {
    await logs.close()
    await site.close()
    await proxy.close()
  }
}

async function createPools(site: Site): Promise<void> {
  const spec = { finishedPodTTLSeconds: 0, finishedJobTTLSeconds: 1, retry: { maxAttempts: 2, backoffSeconds: 1 } }
  const template = { spec: { containers: [{ name: 'runner', image: 'actions-runner' }] } }
  await site.createPool('default', spec)
  await site.createPool('workers', { ...spec, mode: 'Worker', labels: ['linux'], template })
}

function isReady({ status }: RunnerPool): boolean {
  return status?.conditions?.some(({ type }) => type === 'Ready') === true
}

/** The life of one job, with a kill at a write; returns whether the write came. */
async function killOnce(sweeping: Sweep, name: string, write: string): Promise<boolean> {
  const { stage, kill, scenario, logs } = sweeping
  const { site } = stage
  let job: RunnerJob | undefined
  const isOver = async () => job !== undefined && (await site.job(job.metadata.name)) === undefined
  const live = async (): Promise<RunnerJob> => {
    job = scenario.isHandedOver === true ? await handedOver(stage, name) : await site.createJob(name)
    await acknowledge(sweeping, job)
    if (scenario.whileRunning === undefined) return job
    await site.jobIs(name, { phase: 'Running' }, 90_000)
    await scenario.whileRunning(site, name)
    return job
  }
  const [isKilled, { metadata, spec }] = await Promise.all([kill(stage, write, isOver), live()])
  await site.isGone(metadata.name, 30_000)
  const end = site.history.of(metadata.uid).at(-1)
  const what = `after the kill at ${write}: ${JSON.stringify(end)}`
  const { attempts = 1 } = scenario
  expect(end?.phase, what).to.equal(scenario.phase)
  expect(site.kubelet.ledger.of(metadata.uid), `pods, ${what}`).to.have.length(attempts)
  expect(end?.attempts?.length ?? 0, what).to.equal(attempts - 1)
  expect(await logs.of(metadata.uid), `logs, ${what}`).to.deep.equal([LINES])
  await expectNoMessage(site, metadata.name, spec.message?.id)
  await site.checkInvariants()
  return isKilled
}

/** Hands a job over, as often as it takes: its client sends it again where it gets no response. */
async function handedOver(stage: Stage, name: string): Promise<RunnerJob> {
  const { site } = stage
  const facts = factsOf(name, { labels: ['linux'], runnerName: name })
  const sent = async () => handOver(stage.operator.url, facts, pack(`{"jobId":"${name}"}`))
  const what = `the delegation of ${name} to be answered`
  const isAnswered = async () => {
    const answer = await sent()
    return answer.status === 201 && answer
  }
  const { body } = await eventually(isAnswered, { what, withinMs: 60_000 })
  const job = await site.job(String(asObject(body['data'])['delegationId']))
  if (job?.spec.message === undefined) throw new Error(`${name} is acknowledged, and has no message`)
  const parts = await Promise.all(partNames(job.metadata.name, job.spec.message).map((part) => site.get(secrets, part)))
  expect(parts, 'the Secrets of an acknowledged message').to.not.include(undefined)
  return job
}

/** From now on the pod of the job runs, also one that is there already. */
async function acknowledge({ stage, scenario, acknowledged }: Sweep, { metadata }: RunnerJob): Promise<void> {
  const { site } = stage
  acknowledged.add(metadata.name)
  const isWaiting = site.kubelet.ledger.of(metadata.uid).length > 0 && scenario.attempts !== 2
  if (isWaiting) await site.kubelet.apply(`${metadata.name}-1`, ...scenario.script.steps.map(({ act }) => act))
}

/** What a killed facade stored and gave to no job is swept after five minutes; all else goes with its job. */
async function expectNoMessage(site: Site, job: string, id: string | undefined): Promise<void> {
  const isLeft = ({ metadata }: KubeObject) => metadata.labels?.[JOB_LABEL] === job
  const isOfJob = (object: KubeObject) => isLeft(object) && object.metadata.labels?.[MESSAGE_LABEL] === id
  await site.until(`no Secret and no Lease of ${job}`, async () =>
    [...(await site.list(secrets)), ...(await site.list(leases))].every((object) => !isOfJob(object)),
  )
  const left = (await site.list(leases)).filter(isLeft)
  expect(left.filter(({ metadata }) => metadata.ownerReferences !== undefined)).to.deep.equal([])
}

describe('an operator that is killed between any two writes', function () {
  this.timeout('900s')

  const sweeps: Record<string, [name: string, kill: Kill, scenario: Scenario]> = {
    'before a request is sent': ['unsent', neverSent, isHandedOver],
    'after a request was processed, before its response': ['unanswered', neverAnswered, isHandedOver],
    'after a response has arrived': ['answered', answered, isHandedOver],
    'while it cancels a job': ['cancelled', neverAnswered, isCancelled],
    'while it tries a job again': ['again', neverAnswered, isTriedAgain],
  }
  // Concurrently: most of the time is spent waiting.
  const results = new Map<string, Promise<Swept>>()
  let nodeLogs: NodeLogs

  before(async () => {
    nodeLogs = await serveLogs((await sharedPlane()).client)
    for (const [when, [name, kill, scenario]] of Object.entries(sweeps)) {
      const result = sweep(name, kill, scenario, nodeLogs)
      result.catch(() => {}) // its own test fails
      results.set(when, result)
    }
  })
  after(() => nodeLogs.close())

  for (const [when, [, , { kills, spared: mayLack }]] of Object.entries(sweeps)) {
    it(`leaves its successor enough for exactly one pod of each attempt and the true outcome: ${when}`, async () => {
      const { life, killedAt } = (await results.get(when)) ?? { life: [], killedAt: [] }
      const kindsOf = (writes: readonly string[]) => writes.map((write) => write.replace(/ \d+$/, ''))
      const known = kindsOf([...isHandedOver.kills, ...isTriedAgain.kills])
      expect(known, 'every kind of write').to.include.members(kindsOf(life))
      expect(killedAt, 'kills').to.include.members(kills.filter((write) => !mayLack.includes(write)))
    })
  }
})
