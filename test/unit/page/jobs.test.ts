import { expect } from 'chai'
import { activityOf } from '../../../src/page/model/activity.ts'
import { countStates, filtered, filterQuery, parseFilter } from '../../../src/page/model/job-filter.ts'
import { type JobRow, parseJobRow, runMs, waitMs } from '../../../src/page/model/job-row.ts'
import { JobTable } from '../../../src/page/model/job-table.ts'
import { stagesOf } from '../../../src/page/model/timeline.ts'

const NOW = Date.UTC(2026, 0, 1, 12)
const MINUTE = 60_000

function row(id: string, facts: Partial<JobRow> = {}): JobRow {
  return {
    id,
    repository: 'owner/repo',
    workflow: null,
    runnerName: null,
    pool: null,
    state: 'queued',
    reason: null,
    sequence: 1,
    delegatedMs: NOW,
    assignedMs: null,
    startedMs: null,
    completedMs: null,
    ...facts,
  }
}

const ids = (rows: readonly JobRow[]): string[] => rows.map(({ id }) => id)

describe('a job of an event', () => {
  const event = {
    jobId: 'a',
    repository: 'o/r',
    status: 'running',
    sequence: 3,
    delegatedAt: '2026-01-01T12:00:00.000Z',
  }

  it('is read with its facts, and null for what is unknown', () => {
    const parsed = parseJobRow({ ...event, startedAt: '2026-01-01T12:00:05.000Z', workflow: 'CI', pool: '' })
    expect(parsed).to.deep.equal(
      row('a', { repository: 'o/r', state: 'running', sequence: 3, startedMs: NOW + 5000, workflow: 'CI' }),
    )
  })

  const wrong = [
    { jobId: 1 },
    { status: 'lost' },
    { sequence: '3' },
    { delegatedAt: 'yesterday' },
    { repository: null },
  ]
  for (const part of wrong) {
    it(`is none with ${JSON.stringify(part)}`, () => expect(parseJobRow({ ...event, ...part })).to.equal(undefined))
  }

  it('waits until it starts, and runs until it ends', () => {
    const job = row('a', { delegatedMs: NOW - 10 * MINUTE })
    expect(waitMs(job, NOW)).to.equal(10 * MINUTE)
    const ran = { ...job, startedMs: NOW - 8 * MINUTE, completedMs: NOW - 5 * MINUTE, state: 'failed' } as const
    expect([waitMs(ran, NOW), runMs(ran, NOW)]).to.deep.equal([2 * MINUTE, 3 * MINUTE])
    expect(waitMs({ ...job, state: 'cancelled' }, NOW)).to.equal(null)
  })
})

describe('the table of jobs', () => {
  it('is sorted from new to old, and takes no event that is older than what it has', () => {
    const table = new JobTable()
    table.replaceAll([row('old', { delegatedMs: NOW - 1 }), row('new', { state: 'running', sequence: 3 })])
    expect(ids(table.list())).to.deep.equal(['new', 'old'])
    expect(table.put(row('new', { state: 'assigned', sequence: 2 }))).to.equal(false)
    expect(table.get('new')?.state).to.equal('running')
    table.put(row('newest', { delegatedMs: NOW + 1 }))
    table.remove('old')
    expect(ids(table.list())).to.deep.equal(['newest', 'new'])
  })

  it('has after a snapshot exactly the jobs of the snapshot', () => {
    const table = new JobTable()
    table.put(row('gone'))
    table.replaceAll([row('there')])
    expect(ids(table.list())).to.deep.equal(['there'])
  })

  it('forgets the oldest ended jobs above its limit, and no other', () => {
    const table = new JobTable()
    const ended = Array.from({ length: 50_001 }, (_, index) =>
      row(`e${index}`, { state: 'completed', delegatedMs: NOW + index }),
    )
    table.replaceAll([...ended, row('waits', { delegatedMs: 0 })])
    expect(table.size).to.equal(45_000)
    expect(table.get('waits')).not.to.equal(undefined)
    expect([table.get('e0'), table.get('e50000')?.id]).to.deep.equal([undefined, 'e50000'])
  })
})

describe('the filter of jobs', () => {
  const rows = [
    row('a', { repository: 'Acme/Web', workflow: 'Build', state: 'failed', reason: 'OOMKilled' }),
    row('b', { repository: 'acme/api', workflow: 'Build', delegatedMs: NOW - 90 * MINUTE }),
    row('c', { repository: 'other/api', pool: 'large', state: 'running' }),
  ]
  const cases: [query: string, found: string[]][] = [
    ['', ['a', 'b', 'c']],
    ['state=failed,running', ['a', 'c']],
    ['repository=ACME/', ['a', 'b']],
    ['text=build+oomkilled', ['a']],
    ['text=large', ['c']],
    ['minutes=60', ['a', 'c']],
    ['state=failed&repository=api', []],
    ['state=lost&minutes=7', ['a', 'b', 'c']],
  ]
  for (const [query, found] of cases) {
    it(`of ?${query} lets ${found.join(', ') || 'nothing'} through`, () => {
      const filter = parseFilter(new URLSearchParams(query))
      expect(ids(filtered(rows, filter, NOW))).to.deep.equal(found)
    })
  }

  it('is the same after a way through the address', () => {
    const query = 'state=queued%2Cfailed&repository=a%2Fb&text=x+y&minutes=15'
    expect(filterQuery(parseFilter(new URLSearchParams(query))).toString()).to.equal(query)
  })

  it('counts every state, also those without a job', () => {
    expect(Object.fromEntries(countStates(rows))).to.include({ queued: 1, failed: 1, running: 1, completed: 0 })
  })
})

describe('the activity of the last hours', () => {
  it('counts what ended and how long jobs waited, in its time and by pool', () => {
    const at = (minutes: number) => NOW - minutes * MINUTE
    const rows = [
      row('a', { state: 'completed', pool: 'p', delegatedMs: at(30), startedMs: at(29), completedMs: at(20) }),
      row('b', { state: 'failed', pool: 'p', delegatedMs: at(30), startedMs: at(27), completedMs: at(20) }),
      row('c', { state: 'cancelled', delegatedMs: at(10), completedMs: at(5) }),
      row('old', { state: 'failed', delegatedMs: at(300), startedMs: at(299), completedMs: at(290) }),
    ]
    const { buckets, byPool, ...totals } = activityOf(rows, { hours: 1, nowMs: NOW })
    expect(totals).to.deep.equal({ started: 2, finished: 3, failed: 1, waitMedian: 180 })
    expect(byPool).to.deep.equal([
      { pool: 'p', finished: 2, failed: 1, waitMedian: 180 },
      { pool: 'no pool', finished: 1, failed: 0, waitMedian: null },
    ])
    expect(buckets).to.have.length(48)
    expect(buckets.find(({ failed }) => failed > 0)).to.include({ completed: 1, failed: 1, waitMedian: null })
  })
})

describe('the timeline of a job', () => {
  const times = { state: 'running', delegatedMs: 0, assignedMs: 1000, startedMs: 4000, completedMs: null } as const
  const shown = (job: Parameters<typeof stagesOf>[0]) =>
    stagesOf(job, 10_000).map(({ name, fromMs, toMs, isOpen }) => `${name} ${fromMs}-${toMs}${isOpen ? ' open' : ''}`)

  it('has a stage for each part of its life, and the last one goes on', () => {
    expect(shown(times)).to.deep.equal(['Queued 0-1000', 'Starting 1000-4000', 'Running 4000-10000 open'])
  })

  it('ends with the job, and leaves out what the job never reached', () => {
    expect(shown({ ...times, state: 'failed', startedMs: null, completedMs: 3000 })).to.deep.equal([
      'Queued 0-1000',
      'Starting 1000-3000',
    ])
    expect(shown({ ...times, state: 'cancelled', assignedMs: null, startedMs: null, completedMs: 500 })).to.deep.equal([
      'Queued 0-500',
    ])
  })
})
