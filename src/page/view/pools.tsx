import type { AnswerOf } from '../../client/address.ts'
import { nowMs } from '../io/now.ts'
import { usePolled } from '../io/polled.ts'
import { ago } from '../model/durations.ts'
import { Banner, Loading, Notice } from './notice.tsx'
import { Labels } from './state.tsx'

type Pool = AnswerOf<'listPools'>['data'][number]

/** All pools: slots, queue and limits. */
export function Pools() {
  const { data, problem, readMs } = usePolled('listPools')
  if (data === undefined) {
    return problem === undefined ? (
      <Loading what="the pools" />
    ) : (
      <Notice title="The pools cannot be read">{problem}</Notice>
    )
  }
  return (
    <div class="view">
      <header class="view-head">
        <h1>Pools</h1>
        <span class="muted">as of {ago(readMs, nowMs.value)}</span>
      </header>
      {problem !== undefined && <Banner>{problem}</Banner>}
      {data.data.length === 0 ? (
        <Notice title="There is no pool yet">
          Jobs wait until somebody creates a RunnerPool, for example with <code>kubectl apply</code> or the chart's{' '}
          <code>defaultPool</code>.
        </Notice>
      ) : (
        <div class="cards">
          {data.data.map((pool) => (
            <PoolCard key={pool.name} pool={pool} />
          ))}
        </div>
      )}
    </div>
  )
}

const limits = {
  paused: 'The pool is paused.',
  maxRunners: 'All slots are taken: jobs wait for a free one.',
  'perRepository.maxRunning': 'A repository has as many jobs running as it may have; its other jobs wait.',
}

/** What keeps jobs of a pool from starting. */
function Limits({ pool: { paused, ready, message, limitsReached, queued, oldestQueuedAt } }: { pool: Pool }) {
  const reached = limitsReached.filter((limit) => limit !== 'paused')
  return (
    <>
      {ready === false && (
        <p class="problem">
          <b>Not ready.</b> {message}
        </p>
      )}
      {ready === null && <p class="muted">The operator has not checked the template yet.</p>}
      {paused && <p class="waiting">{limits.paused} Running jobs go on, and others wait.</p>}
      {queued > 0 && reached.map((limit) => <p key={limit}>{limits[limit]}</p>)}
      {oldestQueuedAt !== null && (
        <p class="muted">The oldest waiting job was delegated {ago(Date.parse(oldestQueuedAt), nowMs.value)}.</p>
      )}
    </>
  )
}

function PoolCard({ pool }: { pool: Pool }) {
  const { name, mode, slots, running, starting, queued } = pool
  const free = Math.max(0, slots - running - starting)
  const part = (count: number): string => `${slots === 0 ? 0 : Math.min(100, (count / slots) * 100)}%`
  const words = `${running} running, ${starting} starting and ${free} free of ${slots} slots`
  return (
    <section class="card pool-card">
      <header>
        <h2>
          {name} {mode === 'worker' && <span class="tag">worker</span>}
        </h2>
        <a href={`#/jobs?${new URLSearchParams({ text: name }).toString()}`}>Jobs</a>
      </header>
      <p class="figures">
        <span>
          <b>{(running + starting).toLocaleString()}</b> of {slots.toLocaleString()} slots
        </span>
        <span class={queued > 0 ? 'waiting' : 'muted'}>
          <b>{queued.toLocaleString()}</b> queued
        </span>
      </p>
      <div class="meter" role="img" aria-label={words} title={words}>
        <span class="state-running" style={{ width: part(running) }} />
        <span class="state-assigned" style={{ width: part(starting) }} />
      </div>
      <Limits pool={pool} />
      <dl class="facts">
        <div>
          <dt>Labels</dt>
          <dd>
            <Labels labels={pool.labels} />
          </dd>
        </div>
        <div>
          <dt>Repositories</dt>
          <dd>{pool.repositories.length === 0 ? 'all' : <Labels labels={pool.repositories} />}</dd>
        </div>
      </dl>
    </section>
  )
}
