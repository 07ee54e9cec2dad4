import { expect } from 'chai'
import type { Pod } from '../../../src/api/pod.ts'
import { exits, refused, runs, type Script } from '../../kubelet/script.ts'
import type { Operator } from '../../processes/operator.ts'
import { openSite, type Site } from '../../site/site.ts'
import { type FaultProxy, startFaultProxy } from '../proxy/proxy.ts'

/** Every request by which controllers write, in the order of one job's life. */
const WRITES = { isWrite: true, path: /\/(runnerjobs|runners|pods)(\/|\?|$)/, userAgent: /^runnerhub-controller/ }

interface Scenario {
  phase: string
  /** Of its last pod. */
  script: Script
  /** The node rejects its first pod, so that it is tried again. */
  isRejected?: true
  /** The requests to kill at, if not at each of them. */
  requests?: { first: number; last: number }
  /** An action on the job once it runs. */
  whileRunning?: (site: Site, job: string) => Promise<void>
}

const completes: Scenario = { phase: 'Completed', script: exits(0, { startMs: 50, runMs: 150 }) }
const isTriedAgain: Scenario = {
  ...completes,
  isRejected: true,
  // From the record of the lost attempt to the second pod: the others are as in a job without one.
  requests: { first: 3, last: 9 },
}
const isCancelled: Scenario = { phase: 'Cancelled', script: runs(), whileRunning: (site, job) => site.cancel(job) }

/** An operator behind a proxy, which is killed at some moment and started again. */
interface Stage {
  site: Site
  proxy: FaultProxy
  operator: Operator
}

/** Kills at the nth request from now on; resolves when the next operator works, or with false if it never came. */
type Kill = (stage: Stage, nth: number, isOver: () => Promise<boolean>) => Promise<boolean>

const neverSent: Kill = async (stage, nth, isOver) => {
  const stalled = stage.proxy.when({ ...WRITES, nth }).stall()
  if (!(await reached(stage, () => stalled.hits > 0, isOver))) {
    stalled.remove()
    return false
  }
  stage.operator.kill()
  const dropped = stage.proxy.when(WRITES).cut()
  stalled.remove()
  await stage.operator.close()
  dropped.remove()
  stage.operator = await stage.site.operator({ proxy: stage.proxy })
  return true
}

const neverAnswered: Kill = async (stage, nth, isOver) => {
  // Called when the API server has processed the request, before a byte of its response goes back.
  const answered = stage.proxy.when({ ...WRITES, nth }).rewrite((text) => {
    stage.operator.kill()
    return text
  })
  const isReached = await reached(stage, () => !stage.operator.isRunning, isOver)
  answered.remove()
  if (isReached) stage.operator = await stage.site.operator({ proxy: stage.proxy })
  return isReached
}

async function reached({ site }: Stage, isHit: () => boolean, isOver: () => Promise<boolean>): Promise<boolean> {
  await site.until('the operator to send the request, or the job to end', async () => isHit() || isOver(), 30_000)
  return isHit()
}

/** Runs one job for each request of its life, and kills the operator at it. Returns the number of kills. */
async function sweep(name: string, kill: Kill, scenario: Scenario): Promise<number> {
  const site = await openSite()
  const proxy = await startFaultProxy(site.plane.controlPlane)
  try {
    await site.createPool('default', { finishedPodTTLSeconds: 0, retry: { maxAttempts: 2, backoffSeconds: 1 } })
    const rejection = refused('OutOfcpu', 'too little cpu')
    const isFirst = ({ metadata }: Pod) => metadata.name.endsWith('-1')
    site.kubelet.onPod((pod) => (scenario.isRejected === true && isFirst(pod) ? rejection : scenario.script))
    const stage: Stage = { site, proxy, operator: await site.operator({ proxy }) }
    await stage.operator.leads()
    const { first, last } = scenario.requests ?? { first: 1, last: Number.POSITIVE_INFINITY }
    for (let nth = first; nth <= last; nth += 1) {
      const isKilled = await killOnce(stage, { job: `${name}-${nth}`, nth, kill, scenario })
      if (!isKilled) return nth - first
    }
    return last - first + 1
  } finally {
    await site.close()
    await proxy.close()
  }
}

interface Round {
  job: string
  nth: number
  kill: Kill
  scenario: Scenario
}

async function killOnce(stage: Stage, { job, nth, kill, scenario }: Round): Promise<boolean> {
  const { site } = stage
  const isOver = async () => (await site.job(job)) === undefined
  const { metadata } = await site.createJob(job, { ttlSecondsAfterFinished: 1 })
  const isKilled = kill(stage, nth, isOver)
  const intervened = intervene(site, job, scenario)
  await Promise.all([isKilled, intervened])
  await site.isGone(job)
  const end = site.history.of(metadata.uid).at(-1)
  const what = `after the kill at request ${nth}: ${JSON.stringify(end)}`
  expect(end?.phase, what).to.equal(scenario.phase)
  const attempts = scenario.isRejected === true ? 2 : 1
  expect(site.kubelet.ledger.of(metadata.uid), `pods, ${what}`).to.have.length(attempts)
  expect(end?.attempts?.length ?? 0, what).to.equal(attempts - 1)
  await site.checkInvariants()
  return isKilled
}

async function intervene(site: Site, job: string, { whileRunning }: Scenario): Promise<void> {
  if (whileRunning === undefined) return
  await site.jobIs(job, { phase: 'Running' }, 90_000)
  await whileRunning(site, job)
}

describe('an operator that is killed between any two writes', function () {
  this.timeout('400s')

  const sweeps = {
    'before a request is sent': () => sweep('unsent', neverSent, completes),
    'after a request was processed, before its response': () => sweep('unanswered', neverAnswered, completes),
    'while it cancels a job': () => sweep('cancelled', neverAnswered, isCancelled),
    'while it tries a job again': () => sweep('again', neverAnswered, isTriedAgain),
  }
  // Concurrently: most of the time is spent waiting.
  const results = new Map<string, Promise<number>>()

  before(() => {
    for (const [when, run] of Object.entries(sweeps)) {
      const result = run()
      result.catch(() => {}) // its own test fails
      results.set(when, result)
    }
  })

  for (const when of Object.keys(sweeps)) {
    it(`leaves its successor enough for exactly one pod of each attempt and the true outcome: ${when}`, async () => {
      // At least Runner, pod, outcome, finalizer and two deletes; a slow machine may skip the phase Running.
      expect(await results.get(when), 'kills').to.be.at.least(6)
    })
  }
})
