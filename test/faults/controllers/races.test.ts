import { expect } from 'chai'
import { pods } from '../../../src/api/pod.ts'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { runners } from '../../../src/api/runner.ts'
import { exits } from '../../kubelet/script.ts'
import { GARBAGE_MS } from '../../observe/eventually.ts'
import { sideBySide } from '../../site/calls/side-by-side.ts'
import { openSite, type Site } from '../../site/site.ts'
import { type FaultProxy, startFaultProxy } from '../proxy/proxy.ts'

/** Every write of the controllers, and every lookup before a write: they work until none is left. */
const REQUESTS = { path: /\/(runnerjobs|runners|pods)(\/|\?|$)/, userAgent: /^runnerhub-controller/ }

/** The requests that are held up. */
const WRITES = { ...REQUESTS, isWrite: true } as const

interface Race {
  site: Site
  job: string
}

/** Holds up each write of a job's life in turn, and changes the job at that moment. */
async function raceEach(
  prefix: string,
  meanwhile: (race: Race) => Promise<void>,
  judge: (race: Race) => Promise<void>,
): Promise<void> {
  const site = await openSite()
  const proxy = await startFaultProxy(site.plane.controlPlane)
  try {
    await site.createPool('default', { finishedPodTTLSeconds: 0, retry: { maxAttempts: 3, backoffSeconds: 1 } })
    site.kubelet.onPod(() => exits(0, { startMs: 50, runMs: 150 }))
    await (await site.operator({ proxy })).leads()
    await quiet(site, proxy)
    let nth = 1
    while (await raceAt(nth, { site, job: `${prefix}-${nth}` })) nth += 1
    expect(nth, 'writes').to.be.above(6)
    await site.checkInvariants()
  } finally {
    await site.close()
    await proxy.close()
  }

  async function raceAt(nth: number, race: Race): Promise<boolean> {
    const stalled = proxy.when({ ...WRITES, nth }).stall()
    await site.createJob(race.job, { ttlSecondsAfterFinished: 1 })
    const isOver = async () => (await site.job(race.job)) === undefined
    await site.until('the write, or the end of the job', async () => stalled.hits > 0 || isOver(), 30_000)
    const isHit = stalled.hits > 0
    if (isHit) await meanwhile(race)
    stalled.remove()
    // The held-up requests are sent now, even a create for a deleted job.
    await quiet(site, proxy)
    await judge(race)
    await quiet(site, proxy)
    return isHit
  }
}

/** Resolves after the controllers have been idle for a while. */
async function quiet(site: Site, proxy: FaultProxy): Promise<void> {
  const last = () => proxy.seen(REQUESTS).at(-1)?.at ?? 0
  await site.until('the controllers to be done', () => performance.now() - last() > 300, 30_000)
}

async function nothingLeft({ site, job }: Race): Promise<void> {
  await site.isGone(job)
  const left = async () => [...(await site.list(runners)), ...(await site.list(pods))]
  await site.until('no Runner and no pod to be left', async () => (await left()).length === 0, GARBAGE_MS, job)
}

describe('in the middle of each write of a job’s life', function () {
  this.timeout('150s')

  sideBySide({
    'the job is deleted: nothing is left': () =>
      raceEach('deleted', async ({ site, job }) => deleteNow(site, job), nothingLeft),

    'the job is deleted and created again: each has at most one pod, and the new one completes': () =>
      raceEach(
        'renewed',
        async ({ site, job }) => {
          await deleteNow(site, job)
          await site.createJob(job, { ttlSecondsAfterFinished: 1 })
        },
        async (race) => {
          await nothingLeft(race)
          const uids = new Set(race.site.kubelet.ledger.of(race.job).map(({ jobUid }) => jobUid))
          const ends = [...uids].map((uid) => race.site.history.of(uid).at(-1)?.phase)
          expect(ends.at(-1), `the last of ${JSON.stringify(ends)}`).to.equal('Completed')
        },
      ),

    'the job is cancelled: it ends in either way, and nothing is left': () =>
      raceEach('cancelled', async ({ site, job }) => site.cancel(job).catch(() => {}), nothingLeft),

    'its pod is deleted: the job ends, and nothing is left': () =>
      raceEach('robbed', async ({ site, job }) => site.delete(pods, `${job}-1`).catch(() => {}), nothingLeft),

    'its Runner is deleted: the job ends, and nothing is left': () =>
      raceEach('evicted', async ({ site, job }) => site.delete(runners, `${job}-1`).catch(() => {}), nothingLeft),
  })
})

async function deleteNow(site: Site, job: string): Promise<void> {
  await site.delete(runnerJobs, job).catch(() => {}) // at the last of these moments it is already gone
  await site.until('the job to be gone', async () => (await site.job(job)) === undefined)
}
