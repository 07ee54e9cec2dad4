import { useMemo } from 'preact/hooks'
import { jobs, link, version } from '../io/live-jobs.ts'
import { nowMs } from '../io/now.ts'
import { replaceFragment } from '../io/place.ts'
import { type Activity as Figures, activityOf, NO_POOL } from '../model/activity.ts'
import { duration } from '../model/durations.ts'
import { viewFragment } from '../model/route.ts'
import { Chart } from './chart.tsx'
import { Loading, Notice } from './notice.tsx'

const spans = [1, 6, 24]

/** What happened in the last hours, in small charts. */
export function Activity({ query }: { query: URLSearchParams }) {
  const hours = spans.find((each) => String(each) === query.get('hours')) ?? 6
  const pool = query.get('pool') ?? ''
  const count = version.value
  const tick = Math.floor(nowMs.value / 15_000)
  const pools = useMemo(() => [...new Set(jobs.list().map((row) => row.pool ?? NO_POOL))].sort(), [count])
  const figures = useMemo(() => {
    const rows = jobs.list()
    const chosen = pool === '' ? rows : rows.filter((row) => (row.pool ?? NO_POOL) === pool)
    return activityOf(chosen, { hours, nowMs: nowMs.peek() })
  }, [count, tick, hours, pool])
  const change = (part: { hours?: number; pool?: string }): void => {
    const wanted = Object.entries({ hours: String(part.hours ?? hours), pool: part.pool ?? pool })
    replaceFragment(viewFragment('activity', new URLSearchParams(wanted.filter(([, value]) => value !== ''))))
  }
  if (jobs.size === 0 && link.value !== 'live') return <Loading what="the jobs" />
  return (
    <div class="view">
      <header class="view-head">
        <h1>Activity</h1>
        <div class="segments" role="group" aria-label="Time">
          {spans.map((each) => (
            <button key={each} type="button" aria-pressed={each === hours} onClick={() => change({ hours: each })}>
              {each} h
            </button>
          ))}
        </div>
        <select aria-label="Pool" value={pool} onChange={({ currentTarget }) => change({ pool: currentTarget.value })}>
          <option value="">All pools</option>
          {pools.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
        </select>
      </header>
      {figures.started + figures.finished === 0 ? (
        <Notice title="Nothing happened in this time">Choose a longer time, or wait for jobs to start.</Notice>
      ) : (
        <Charts figures={figures} hours={hours} />
      )}
    </div>
  )
}

function Charts({ figures, hours }: { figures: Figures; hours: number }) {
  const { buckets } = figures
  const times = buckets.map(({ fromMs }) => fromMs / 1000)
  const rate = figures.finished === 0 ? 0 : (figures.failed / figures.finished) * 100
  const median = figures.waitMedian === null ? '–' : duration(figures.waitMedian * 1000)
  return (
    <div class="charts">
      <Chart
        title="Finished jobs"
        figure={figures.finished.toLocaleString()}
        note={`${(figures.finished / hours).toLocaleString(undefined, { maximumFractionDigits: 1 })} an hour`}
        times={times}
        series={[
          {
            label: 'all',
            colour: 'completed',
            kind: 'bars',
            values: buckets.map((each) => each.completed + each.failed + each.cancelled),
          },
          { label: 'failed', colour: 'failed', kind: 'bars', values: buckets.map(({ failed }) => failed) },
        ]}
      />
      <Chart
        title="Wait before the start"
        figure={median}
        note="median; the line above is the 95th percentile"
        times={times}
        format={(seconds) => (seconds === 0 ? '0' : duration(seconds * 1000))}
        series={[
          { label: '95 %', colour: 'assigned', kind: 'line', values: buckets.map(({ waitHigh }) => waitHigh) },
          { label: 'median', colour: 'running', kind: 'line', values: buckets.map(({ waitMedian }) => waitMedian) },
        ]}
      />
      <Chart
        title="Failures"
        figure={figures.failed.toLocaleString()}
        note={`${rate.toLocaleString(undefined, { maximumFractionDigits: 1 })} % of the finished jobs`}
        times={times}
        series={[{ label: 'failed', colour: 'failed', kind: 'bars', values: buckets.map(({ failed }) => failed) }]}
      />
      <PoolShares figures={figures} />
    </div>
  )
}

function PoolShares({ figures: { byPool } }: { figures: Figures }) {
  const most = Math.max(1, ...byPool.map(({ finished }) => finished))
  return (
    <section class="card chart">
      <h2>By pool</h2>
      {byPool.length === 0 && <p class="muted">No job started or ended in this time.</p>}
      <ul class="shares">
        {byPool.slice(0, 8).map(({ pool, finished, failed, waitMedian }) => (
          <li key={pool}>
            <span>{pool}</span>
            <span class="number">
              {finished.toLocaleString()} <small>finished</small>
              {failed > 0 && <small class="failed"> · {failed.toLocaleString()} failed</small>}
              {waitMedian !== null && <small> · median wait {duration(waitMedian * 1000)}</small>}
            </span>
            <span class="meter" aria-hidden="true">
              <span class="state-completed" style={{ width: `${((finished - failed) / most) * 100}%` }} />
              <span class="state-failed" style={{ width: `${(failed / most) * 100}%` }} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}
