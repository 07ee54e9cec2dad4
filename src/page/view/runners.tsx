import type { AnswerOf } from '../../client/address.ts'
import { nowMs } from '../io/now.ts'
import { replaceFragment } from '../io/place.ts'
import { usePolled } from '../io/polled.ts'
import { ago } from '../model/durations.ts'
import { jobFragment, viewFragment } from '../model/route.ts'
import { Banner, Loading, Notice } from './notice.tsx'
import { VirtualRows } from './virtual-rows.tsx'

type Runner = AnswerOf<'listRunners'>['data'][number]

const types = ['proxy', 'ephemeral', 'dedicated'] as const

/** All runners: proxies outside of the cluster, and pods. */
export function Runners({ query }: { query: URLSearchParams }) {
  const { data, problem, readMs } = usePolled('listRunners')
  if (data === undefined) {
    return problem === undefined ? (
      <Loading what="the runners" />
    ) : (
      <Notice title="The runners cannot be read">{problem}</Notice>
    )
  }
  const text = query.get('text') ?? ''
  const type = query.get('type') ?? ''
  const rows = data.data.filter((runner) => (type === '' || runner.type === type) && matches(runner, text))
  const change = (part: Record<string, string>): void => {
    const wanted = Object.entries({ text, type, ...part }).filter(([, value]) => value !== '')
    replaceFragment(viewFragment('runners', new URLSearchParams(wanted)))
  }
  return (
    <div class="view view-rows">
      <header class="view-head">
        <h1>Runners</h1>
        <span class="muted">as of {ago(readMs, nowMs.value)}</span>
      </header>
      {problem !== undefined && <Banner>{problem}</Banner>}
      <Filters text={text} type={type} change={change} />
      {rows.length === 0 ? (
        <Notice title={data.data.length === 0 ? 'No runners now' : 'No runner matches'}>
          {data.data.length === 0
            ? 'A runner appears with each job, and with the heartbeat of each proxy runner.'
            : 'Remove a filter to see more of them.'}
        </Notice>
      ) : (
        <VirtualRows
          rows={rows}
          keyOf={({ id }) => id}
          row={(row) => <Row runner={row} />}
          label="Runners"
          head={<Head />}
        />
      )}
      <p class="count" role="status">
        {rows.length.toLocaleString()} of {data.pagination.total.toLocaleString()} runners
      </p>
    </div>
  )
}

interface FilterProps {
  text: string
  type: string
  change: (part: Record<string, string>) => void
}

function Filters({ text, type, change }: FilterProps) {
  return (
    <form class="filters" role="search" aria-label="Filter the runners" onSubmit={(event) => event.preventDefault()}>
      <div class="fields">
        <input
          type="search"
          aria-label="Text"
          placeholder="Search: name, repository, pool"
          value={text}
          onInput={({ currentTarget }) => change({ text: currentTarget.value })}
        />
        <select aria-label="Type" value={type} onChange={({ currentTarget }) => change({ type: currentTarget.value })}>
          <option value="">All types</option>
          {types.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
        </select>
      </div>
    </form>
  )
}

function matches({ name, repository, pool, status, reason }: Runner, text: string): boolean {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  const all = [name, repository, pool, status, reason].join(' ').toLowerCase()
  return words.every((word) => all.includes(word))
}

function Head() {
  return (
    <div class="row-head" role="rowgroup">
      <div class="row-cells runner-cells" role="row">
        <span role="columnheader">Status</span>
        <span role="columnheader">Runner</span>
        <span role="columnheader">Type</span>
        <span role="columnheader">Pool</span>
        <span role="columnheader" class="number">
          Last seen
        </span>
      </div>
    </div>
  )
}

/** Colours of jobs for the states of runners. */
const colours = { idle: 'completed', busy: 'running', offline: 'failed', starting: 'assigned', stopping: 'queued' }

function Row({ runner }: { runner: Runner }) {
  const { lastHeartbeat, jobId, repository, reason } = runner
  const details = [repository, reason].filter((text) => text !== null && text !== 'Running').join(' · ')
  return (
    <div class="row-cells runner-cells" role="presentation">
      <span role="cell">
        <span class={`state state-${colours[runner.status]}`}>
          <i aria-hidden="true" />
          {runner.status}
        </span>
      </span>
      <span role="cell" class="job-name">
        {jobId === null ? (
          <span>
            {runner.name}
            <small>{details}</small>
          </span>
        ) : (
          <a href={jobFragment(jobId)}>
            {runner.name}
            <small>{details}</small>
          </a>
        )}
      </span>
      <span role="cell" class="muted">
        {runner.type}
      </span>
      <span role="cell" class="muted pool">
        {runner.pool ?? ''}
      </span>
      <span role="cell" class="number muted when">
        {lastHeartbeat === null ? '–' : ago(Date.parse(lastHeartbeat), nowMs.value)}
      </span>
    </div>
  )
}
