import { expect } from 'chai'
import { exited, exits, ignored, running } from '../../kubelet/script.ts'
import { inWords } from '../../observe/audit.ts'
import { call } from '../../site/calls/call.ts'
import { sideBySide } from '../../site/calls/side-by-side.ts'
import type { Site } from '../../site/site.ts'
import { LEASE_SECONDS, type Replica, withPair } from '../leaders/pair.ts'

const TAKEOVER_MS = (LEASE_SECONDS + 2) * 1000
const PAUSE_MS = 20_000
const WATCHES = { path: /watch=true/, userAgent: /^runnerhub-cache/ }
const ALL_WRITES = { path: /\/(runnerjobs|runners|pods|events)(\/|\?|$)/, userAgent: /^runnerhub-controller/ }
const EVENTS = { method: 'POST', path: /\/events(\?|$)/, userAgent: /^runnerhub-controller/ }
const CREATES = {
  method: 'POST',
  path: /\/runners(\?|$)/,
  userAgent: /^runnerhub-controller/,
}

const names = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}${index}`)

/** Creates jobs that run, and jobs that only have a pod. */
async function makeJobs(site: Site): Promise<{ run: string[]; start: string[] }> {
  const [run, start] = [names('run', 4), names('start', 4)]
  await Promise.all(run.map((job) => site.createJob(job)))
  for (const job of run) await site.jobIs(job, { phase: 'Running' }, 30_000)
  site.kubelet.onPod(() => ignored())
  await Promise.all(start.map((job) => site.createJob(job)))
  for (const job of start) await site.kubeletHas(job, 30_000)
  site.kubelet.onPod(() => exits(0))
  return { run, start }
}

async function endAll(site: Site, { run, start }: { run: string[]; start: string[] }): Promise<void> {
  for (const job of run) await site.kubelet.apply(`${job}-1`, (pod) => exited(pod, 0))
  for (const job of start) await site.kubelet.apply(`${job}-1`, 'bind', running, (pod) => exited(pod, 0))
  for (const job of [...run, ...start]) await site.jobIs(job, { phase: 'Completed' }, 40_000)
  expect(site.kubelet.ledger.of('run0'), 'pods of one job').to.have.length(1)
}

const writesSince = ({ proxy }: Replica, at: number) =>
  proxy.seen(ALL_WRITES).filter((request) => request.method !== 'GET' && request.at > at)

describe('a change of leader', function () {
  this.timeout('240s')

  sideBySide({
    'after kill -9, to a replica with stalled watches: exactly one pod per job, no stuck job': () =>
      withPair('both', async ({ site, handOver, leader, standby }) => {
        const open = () => standby.proxy.seen(WATCHES).filter((watch) => watch.status === 200)
        await site.until('all of its watches to be open', () => open().length === 6)
        // Only open watches: those of the new leader work.
        const stalled = standby.proxy.when({ ...WATCHES, times: 6 }).stall()
        expect(stalled.hits, 'watches').to.equal(6)
        const jobs = await makeJobs(site)
        leader.operator.kill()
        const killedAt = Date.now()
        await standby.operator.leads(0, 30_000)
        await site.createJob('later')
        await endAll(site, jobs)
        await site.jobIs('later', { phase: 'Completed' })
        await handOver.expectOne({ from: leader, to: standby }, killedAt, TAKEOVER_MS)
        stalled.remove()
      }),

    'to a replica whose new watches stall too: it writes nothing before its caches are filled': () =>
      withPair('both', async ({ site, leader, standby }) => {
        const jobs = await makeJobs(site)
        const stalled = standby.proxy.when(WATCHES).stall()
        leader.operator.kill()
        await standby.operator.leads(0, 30_000)
        const since = performance.now()
        await site.createJob('later')
        const ended = endAll(site, jobs)
        await site.until('five seconds to pass', () => performance.now() - since > 5000)
        expect(writesSince(standby, since), 'writes from stale caches').to.deep.equal([])
        stalled.remove()
        await ended
        await site.jobIs('later', { phase: 'Completed' }, 30_000)
      }),

    'away from a paused replica that continues later: it writes nothing any more': () =>
      withPair('leader', async ({ site, handOver, leader, standby }) => {
        const jobs = await makeJobs(site)
        // Some Events are still to be written, and the first hangs.
        const recorded = names('recorded', 3)
        const mute = leader.proxy.when(EVENTS).stall()
        await Promise.all(recorded.map((job) => site.createJob(job)))
        for (const job of recorded) await site.jobIs(job, { phase: 'Completed' }, 30_000)
        await site.until('an Event to be under way', () => mute.hits > 0)
        // Paused during work: it wakes up to responses, each of which triggers further work.
        const busy = names('busy', 20)
        const held = leader.proxy.when(CREATES).stall()
        await Promise.all(busy.map((job) => site.createJob(job)))
        await site.until('the leader to have begun', () => held.hits === busy.length)
        leader.operator.freeze()
        const pausedAt = Date.now()
        held.remove()
        mute.remove()
        await standby.operator.leads(0, 30_000)
        await endAll(site, jobs)
        await site.until('the pause to be over', () => Date.now() - pausedAt >= PAUSE_MS, 2 * PAUSE_MS)
        const thawedAt = performance.now()
        const lines = leader.operator.log.length
        leader.operator.thaw()
        for (const job of busy) await site.jobIs(job, { phase: 'Completed' }, 40_000)
        await leader.operator.logged('stopped leading', lines)
        const looks = () => leader.proxy.seen({ method: 'GET', path: /\/leases\// }).filter(({ at }) => at > thawedAt)
        await site.until('it to be a candidate again', () => looks().length > 2)
        expect(writesSince(leader, thawedAt), 'requests of the old leader').to.deep.equal([])
        await handOver.expectOne({ from: leader, to: standby }, pausedAt, TAKEOVER_MS)
        expect((await call(`${leader.operator.url}/readyz`)).status, 'its facade goes on').to.equal(200)
      }),

    'away from a disconnected replica: it stops leading, and its facade keeps serving': () =>
      withPair('leader', async ({ site, handOver, leader, standby }) => {
        const jobs = await makeJobs(site)
        // Creates of its last moment are under way for long: they arrive when the other has led for a while.
        const busy = names('busy', 20)
        const late = leader.proxy.when(CREATES).stall()
        await Promise.all(busy.map((job) => site.createJob(job)))
        await site.until('the leader to have begun', () => late.hits === busy.length)
        const cutOff = leader.proxy.when({ except: CREATES }).swallow()
        const cutAt = Date.now()
        await standby.operator.leads(0, 30_000)
        await leader.operator.logged('stopped leading', 0, 30_000)
        await endAll(site, jobs)
        for (const job of busy) await site.jobIs(job, { phase: 'Completed' }, 40_000)
        await handOver.expectOne({ from: leader, to: standby }, cutAt, TAKEOVER_MS)
        const tookOverAt = await handOver.tookOverAt(standby)
        late.remove()
        const arrived = async () => inWords(await handOver.writesSince(leader, tookOverAt))
        await site.until('the late requests to arrive', async () => (await arrived()).length >= busy.length)
        cutOff.remove()
        const healedAt = performance.now()
        await site.createJob('later')
        await site.jobIs('later', { phase: 'Completed' }, 30_000)
        expect(writesSince(leader, healedAt), 'requests of the old leader').to.deep.equal([])
        const refusals = busy.map((job) => `create runners ${job}-1 (409)`)
        expect((await arrived()).toSorted(), 'late writes of the old leader').to.deep.equal(refusals.toSorted())
        expect(leader.operator.isRunning).to.equal(true)
        // It is a candidate again: it leads after the end of the other.
        const lines = leader.operator.log.length
        standby.operator.kill()
        await leader.operator.leads(lines, 30_000)
        await site.createJob('last')
        await site.jobIs('last', { phase: 'Completed' }, 30_000)
      }),

    'at SIGTERM: the leader releases the Lease, and no job waits for its expiry': () =>
      withPair('leader', async ({ site, leader, standby }) => {
        const jobs = await makeJobs(site)
        const took = leader.operator.terminate()
        const since = performance.now()
        await standby.operator.leads(0, 30_000)
        expect(performance.now() - since, 'without a leader').to.be.below(LEASE_SECONDS * 1000)
        expect(await took, 'to end').to.be.below(10_000)
        expect(leader.operator.exitCode).to.equal(0)
        await endAll(site, jobs)
      }),
  })
})
