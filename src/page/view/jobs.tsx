import { useMemo } from 'preact/hooks'
import { adviceFor } from '../../api/advice.ts'
import { type JobState, jobStates } from '../../api/job-state.ts'
import { jobs, link, version } from '../io/live-jobs.ts'
import { nowMs } from '../io/now.ts'
import { replaceFragment } from '../io/place.ts'
import { ago, clockTime, shortDuration } from '../model/durations.ts'
import { countStates, filtered, filterQuery, type JobFilter, parseFilter, timeChoices } from '../model/job-filter.ts'
import { type JobRow, runMs, waitMs } from '../model/job-row.ts'
import { jobFragment, viewFragment } from '../model/route.ts'
import { Loading, Notice } from './notice.tsx'
import { State } from './state.tsx'
import { VirtualRows } from './virtual-rows.tsx'

/** All jobs, with filters. */
export function Jobs({ query }: { query: URLSearchParams }) {
  const filter = parseFilter(query)
  const count = version.value
  // A filter by time moves with the time, but not every second.
  const minute = Math.floor(nowMs.value / 60_000)
  const others = useMemo(
    () => filtered(jobs.list(), { ...filter, states: [] }, minute * 60_000),
    [count, query, minute],
  )
  const rows = useMemo(() => filtered(others, { ...filter, minutes: undefined }, 0), [others, query])
  const counts = useMemo(() => countStates(others), [others])
  const change = (part: Partial<JobFilter>): void =>
    replaceFragment(viewFragment('jobs', filterQuery({ ...filter, ...part })))
  return (
    <div class="view view-rows">
      <h1 class="visually-hidden">Jobs</h1>
      <Filters filter={filter} counts={counts} change={change} />
      {jobs.size === 0 ? (
        <NoJobs />
      ) : rows.length === 0 ? (
        <Notice title="No job matches" action={<a href="#/jobs">Clear the filters</a>}>
          {jobs.size.toLocaleString()} jobs are known. Remove a filter to see more of them.
        </Notice>
      ) : (
        <VirtualRows rows={rows} keyOf={({ id }) => id} row={(row) => <Row row={row} />} label="Jobs" head={<Head />} />
      )}
      <p class="count" role="status">
        {rows.length === jobs.size
          ? `${jobs.size.toLocaleString()} jobs`
          : `${rows.length.toLocaleString()} of ${jobs.size.toLocaleString()} jobs`}
      </p>
    </div>
  )
}

function NoJobs() {
  if (link.value === 'connecting') return <Loading what="the jobs" />
  if (link.value === 'broken') return <Loading what="the jobs: the operator does not answer yet" />
  return (
    <Notice title="No jobs yet">
      A job appears here as soon as a proxy runner delegates one, or a program calls{' '}
      <code>POST /api/jobs/delegate</code>.
    </Notice>
  )
}

interface FilterProps {
  filter: JobFilter
  counts: ReadonlyMap<JobState, number>
  change: (part: Partial<JobFilter>) => void
}

function Filters({ filter, counts, change }: FilterProps) {
  const toggle = (state: JobState): void => {
    const has = filter.states.includes(state)
    change({ states: has ? filter.states.filter((each) => each !== state) : [...filter.states, state] })
  }
  return (
    <form class="filters" role="search" aria-label="Filter the jobs" onSubmit={(event) => event.preventDefault()}>
      <div class="states" role="group" aria-label="State">
        {jobStates.map((state) => (
          <button
            key={state}
            type="button"
            class={`chip state-${state}`}
            aria-pressed={filter.states.includes(state)}
            onClick={() => toggle(state)}
          >
            <i aria-hidden="true" />
            {state} <b>{(counts.get(state) ?? 0).toLocaleString()}</b>
          </button>
        ))}
      </div>
      <div class="fields">
        <input
          type="search"
          aria-label="Text"
          placeholder="Search: workflow, reason, pool, ID"
          value={filter.text}
          onInput={({ currentTarget }) => change({ text: currentTarget.value })}
        />
        <input
          type="search"
          aria-label="Repository"
          placeholder="owner/repo"
          value={filter.repository}
          onInput={({ currentTarget }) => change({ repository: currentTarget.value })}
        />
        <select
          aria-label="Delegated"
          value={filter.minutes ?? ''}
          onChange={({ currentTarget }) =>
            change({ minutes: timeChoices.find((choice) => String(choice) === currentTarget.value) })
          }
        >
          <option value="">Any time</option>
          <option value="15">Last 15 minutes</option>
          <option value="60">Last hour</option>
          <option value="360">Last 6 hours</option>
          <option value="1440">Last 24 hours</option>
        </select>
      </div>
    </form>
  )
}

function Head() {
  return (
    <div class="row-head" role="rowgroup">
      <div class="row-cells job-cells" role="row">
        <span role="columnheader">State</span>
        <span role="columnheader">Job</span>
        <span role="columnheader">Reason</span>
        <span role="columnheader">Pool</span>
        <span role="columnheader" class="number">
          Waited
        </span>
        <span role="columnheader" class="number">
          Ran
        </span>
        <span role="columnheader" class="number">
          Delegated
        </span>
      </div>
    </div>
  )
}

/** Reasons that say no more than the state. */
const plain = new Set(['Running', 'Succeeded', 'RunnerStarting'])

function Row({ row }: { row: JobRow }) {
  const now = nowMs.value
  const reason = row.reason !== null && !plain.has(row.reason) ? row.reason : ''
  return (
    <div class="row-cells job-cells" role="presentation">
      <span role="cell">
        <State state={row.state} />
      </span>
      <span role="cell" class="job-name">
        <a href={jobFragment(row.id)}>
          {row.repository}
          <small>{row.workflow ?? row.id}</small>
        </a>
      </span>
      <span role="cell" class="reason" title={adviceFor(reason)?.meaning}>
        {reason}
      </span>
      <span role="cell" class="muted pool">
        {row.pool ?? ''}
      </span>
      <span role="cell" class="number waited">
        {shortDuration(waitMs(row, now))}
      </span>
      <span role="cell" class="number ran">
        {shortDuration(runMs(row, now))}
      </span>
      <span role="cell" class="number muted when" title={clockTime(row.delegatedMs, now)}>
        {ago(row.delegatedMs, now)}
      </span>
    </div>
  )
}
