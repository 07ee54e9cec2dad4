import { expect } from 'chai'
import { exited, runs } from '../../kubelet/script.ts'
import { sideBySide } from '../../site/calls/side-by-side.ts'
import { openSite, type Site } from '../../site/site.ts'

const preload = new URL('../../processes/skewed-clock.ts', import.meta.url).href
const minuteMs = 60_000

/** The times of a job by its operator, in milliseconds after this moment. */
async function timesOf(site: Site, job: string, since: number): Promise<number[]> {
  const { assignedAt, startedAt, completedAt } = (await site.job(job))?.status ?? {}
  return [assignedAt, startedAt, completedAt].map((time) => Date.parse(time ?? '') - since)
}

/** The limits and the retention of jobs, with an operator whose machine has another time than the cluster. */
async function keepsTime(skewMs: number): Promise<void> {
  const site = await openSite()
  try {
    await site.createPool('default', { labels: ['kept'], finishedJobTTLSeconds: 100 })
    await site.createPool('brief', { labels: ['brief'], finishedJobTTLSeconds: 1 })
    site.kubelet.onPod(() => runs())
    const since = Date.now()
    await site.operator({ env: { NODE_OPTIONS: `--import=${preload}`, SKEW_MS: String(skewMs) } })
    await site.createJob('long', { labels: ['kept'], timeoutSeconds: 100 })
    await site.jobIs('long', { phase: 'Running' }, 30_000)
    await site.createJob('endless', { labels: ['kept'], timeoutSeconds: 3 })
    await site.jobIs('endless', { phase: 'Failed', reason: 'JobTimeout' }, 30_000)
    await site.createJob('brief', { labels: ['brief'] })
    await site.jobIs('brief', { phase: 'Running' }, 30_000)
    for (const job of ['long', 'brief']) await site.kubelet.apply(`${job}-1`, (pod) => exited(pod, 0))
    await site.isGone('brief', 60_000)
    await site.jobIs('long', { phase: 'Completed' })
    expect((await site.job('endless'))?.status.reason, 'kept for its time').to.equal('JobTimeout')
    // Of whole seconds, as the times of the API server and the kubelet.
    for (const ms of await timesOf(site, 'long', since)) expect(ms).to.be.within(-1000, Date.now() - since + 1000)
    await site.checkInvariants()
  } finally {
    await site.close()
  }
}

describe('an operator whose clock is', function () {
  this.timeout('120s')

  sideBySide({
    'five minutes ahead of the cluster ends no job early, and deletes none before its time': () =>
      keepsTime(5 * minuteMs),
    'five minutes behind the cluster ends no job late, and deletes each in time': () => keepsTime(-5 * minuteMs),
  })
})
