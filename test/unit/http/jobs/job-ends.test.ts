import { expect } from 'chai'
import { JobEnds } from '../../../../src/http/jobs/job-ends.ts'
import { aJob, at } from '../../../objects/builders.ts'
import { FilledCaches } from '../../../objects/stores.ts'
import { HandClock } from '../../../observe/clock.ts'

describe('a wait for the end of a job', () => {
  /** A wait of 5 seconds, and whether it has ended. */
  function begin({ signal = new AbortController().signal }: { signal?: AbortSignal } = {}) {
    const stores = new FilledCaches()
    const clock = new HandClock(at(0))
    const job = stores.putJob(aJob({ status: { phase: 'Running' } }))
    const ends = new JobEnds(stores.caches.jobs, clock)
    const state = { isOver: false }
    const ended = ends.wait(job, 5000, [signal]).then(() => (state.isOver = true))
    return { stores, clock, job, ended, state, ends }
  }

  it('goes on through other changes, and ends with the job', async () => {
    const { stores, job, ended, state, clock } = begin()
    stores.putJob({ ...job, status: { phase: 'Running', reason: 'CancelRequested' } })
    await clock.advance(4999)
    expect(state.isOver).to.equal(false)
    stores.putJob({ ...job, status: { phase: 'Completed' } })
    await ended
  })

  it('ends after its time', async () => {
    const { clock, ended } = begin()
    await clock.advance(5000)
    await ended
  })

  it('ends when its caller has gone, or the process stops', async () => {
    const stop = new AbortController()
    const { ended } = begin({ signal: stop.signal })
    stop.abort()
    await ended
  })

  it('does not begin for a job that is over', async () => {
    const { stores, job, ends } = begin()
    stores.putJob({ ...job, status: { phase: 'Failed' } })
    await ends.wait(job, 5000, [])
  })
})
