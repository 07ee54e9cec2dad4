import { expect } from 'chai'
import type { Acknowledged } from '../../faults/schedules/arrivals.ts'
import { lastOpen } from '../../faults/schedules/oracles.ts'

const job = (name: string): Acknowledged => ({
  jobId: name,
  name,
  atMs: 0,
  dueAt: 0,
  via: 'facade',
  fate: 'Completed',
  forMs: 0,
  lines: 1,
})

describe('the jobs that are open when nothing happens any more', () => {
  const jobs = ['a', 'b', 'c'].map(job)

  it('are none if each ended within the limit after the one before, even if all took longer', async () => {
    const begun = performance.now()
    const endsAfterMs = new Map([
      ['a', 150],
      ['b', 300],
      ['c', 450],
    ])
    const isOpen = ({ name }: Acknowledged): boolean => performance.now() - begun < (endsAfterMs.get(name) ?? 0)
    expect(await lastOpen(jobs, isOpen, 300)).to.deep.equal([])
  })

  it('are those that had not ended when the limit passed without another end', async () => {
    expect(await lastOpen(jobs, ({ name }) => name === 'b', 50)).to.deep.equal([job('b')])
  })

  it('are none of none', async () => {
    expect(await lastOpen([], () => true, 50)).to.deep.equal([])
  })
})
