import type { ComponentChildren } from 'preact'
import { useRef, useState } from 'preact/hooks'
import type { Job } from '../../client/contract.ts'
import { adviceFor } from '../../api/advice.ts'
import { useJob } from '../io/job-detail.ts'
import { nowMs } from '../io/now.ts'
import { problemOf } from '../io/polled.ts'
import { hub, may } from '../io/session.ts'
import { useTitle } from '../io/title.ts'
import { clockTime, duration } from '../model/durations.ts'
import { type GithubLinks, githubLinks } from '../model/github.ts'
import { type Stage, stagesOf } from '../model/timeline.ts'
import { LogPanel } from './log.tsx'
import { Banner, Loading, Notice } from './notice.tsx'
import { Labels, State } from './state.tsx'

/** One job: what happened, why, and its log. */
export function JobView({ id, line }: { id: string; line: number | undefined }) {
  const { job, problem, isMissing } = useJob(id)
  if (job === undefined) {
    if (problem === undefined) return <Loading what="the job" />
    return (
      <Notice
        title={isMissing ? 'There is no such job' : 'The job cannot be read'}
        action={<a href="#/jobs">Show all jobs</a>}
      >
        {isMissing ? 'Jobs are deleted some time after their end, a day by default.' : problem}
      </Notice>
    )
  }
  const links = githubLinks({ ...job, ...job.metadata })
  return (
    <div class="view job">
      {isMissing && <Banner>This job was deleted. What you see is its last state.</Banner>}
      {!isMissing && problem !== undefined && <Banner>{problem}</Banner>}
      <JobHead job={job} links={links} />
      <div class="job-grid">
        <div class="stack">
          <Why job={job} />
          <Attempts job={job} />
        </div>
        <Timeline job={job} />
        <Facts job={job} links={links} />
      </div>
      {may('get runnerjobs/log') ? (
        <LogPanel id={id} line={line} isQueued={job.status === 'queued'} />
      ) : (
        <Notice title="This token may not read logs">It needs the permission get runnerjobs/log.</Notice>
      )}
    </div>
  )
}

function JobHead({ job, links }: { job: Job; links: GithubLinks | undefined }) {
  useTitle(`${job.status}: ${job.workflow ?? job.jobId} · ${job.repository}`)
  return (
    <header class="job-head">
      <div>
        <p class="crumb">
          <a href="#/jobs">Jobs</a> <span aria-hidden="true">/</span> <code>{job.id}</code>
        </p>
        <h1>
          {job.workflow ?? `Job ${job.jobId}`} <State state={job.status} />
        </h1>
        <p class="muted">
          <Outside href={links?.repository}>{job.repository}</Outside>
          {job.metadata.ref !== null && <> · {job.metadata.ref.replace(/^refs\/(heads|tags)\//, '')}</>}
          {job.metadata.actor !== null && (
            <>
              {' · '}
              <Outside href={links?.actor}>{job.metadata.actor}</Outside>
            </>
          )}
        </p>
      </div>
      <div class="actions">
        {links?.run !== undefined && (
          <a class="button" href={links.run} target="_blank" rel="noreferrer">
            Open on GitHub <span aria-hidden="true">↗</span>
          </a>
        )}
        <Cancel job={job} />
      </div>
    </header>
  )
}

/** A link to another site, or the text alone. */
function Outside({ href, children }: { href: string | undefined; children: ComponentChildren }) {
  if (href === undefined) return <>{children}</>
  return (
    <a href={href} target="_blank" rel="noreferrer">
      {children}
    </a>
  )
}

const finalStates = new Set(['completed', 'failed', 'cancelled'])

function Cancel({ job }: { job: Job }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [problem, setProblem] = useState<string>()
  if (!may('update runnerjobs/cancel') || finalStates.has(job.status)) return null
  if (job.metadata.reason === 'CancelRequested') return <span class="muted">Being cancelled…</span>
  const cancel = async (): Promise<void> => {
    try {
      await hub.call('cancelJob', { path: { id: job.id } })
      dialog.current?.close()
    } catch (error) {
      setProblem(problemOf(error))
    }
  }
  return (
    <>
      <button type="button" class="button danger" onClick={() => dialog.current?.showModal()}>
        Cancel job
      </button>
      <dialog ref={dialog} aria-labelledby="cancel-title">
        <h2 id="cancel-title">Cancel this job?</h2>
        <p>
          The pod gets a signal and its grace period. What the job has done so far stays, and its log is kept. This
          cannot be undone.
        </p>
        {problem !== undefined && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
        <div class="actions">
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            Keep it
          </button>
          <button type="button" class="button danger" onClick={() => void cancel()}>
            Cancel job
          </button>
        </div>
      </dialog>
    </>
  )
}

/** The reason in words, what it means and what helps. */
function Why({ job }: { job: Job }) {
  const { reason, message, exitCode, result } = job.metadata
  const advice = reason === null ? undefined : adviceFor(reason)
  return (
    <section class="card why">
      <h2>{reason ?? 'Just delegated'}</h2>
      {advice !== undefined && <p>{advice.meaning}</p>}
      {reason === null && <p>The operator has not looked at the job yet.</p>}
      {message !== null && <p class="message">{message}</p>}
      <PlaceInQueue job={job} />
      {advice !== undefined && !advice.help.startsWith('Nothing needs') && (
        <p class="help">
          <b>What helps</b> {advice.help}
        </p>
      )}
      {(exitCode !== null || result !== null) && (
        <p class="muted">
          {exitCode !== null && <>Exit code {exitCode}</>}
          {exitCode !== null && result !== null && ' · '}
          {result !== null && <>Result of the runner: {result}</>}
        </p>
      )}
    </section>
  )
}

function PlaceInQueue({ job }: { job: Job }) {
  const { queuePosition, estimatedWaitSeconds } = job.metadata
  if (queuePosition === null) return null
  return (
    <p>
      Number {queuePosition} in the queue of its pool
      {estimatedWaitSeconds !== null && <>, about {duration(estimatedWaitSeconds * 1000)} before its start</>}.
    </p>
  )
}

function Timeline({ job }: { job: Job }) {
  const { delegatedAt, assignedAt } = job.metadata
  const at = (time: string | null): number | null => (time === null ? null : Date.parse(time))
  const times = {
    state: job.status,
    delegatedMs: Date.parse(delegatedAt),
    assignedMs: at(assignedAt),
    startedMs: at(job.startedAt),
    completedMs: at(job.completedAt),
  }
  const now = nowMs.value
  const stages = stagesOf(times, now)
  const wholeMs = (times.completedMs ?? now) - times.delegatedMs
  return (
    <section class="card">
      <h2>
        Timeline <span class="muted">{duration(wholeMs)} in all</span>
      </h2>
      <ol class="timeline">
        {stages.map((stage) => (
          <StageRow key={stage.name} stage={stage} wholeMs={wholeMs} now={now} />
        ))}
        {times.completedMs !== null && (
          <li class={`end state-${job.status}`}>
            <i aria-hidden="true" />
            <span class="stage-name">{job.status}</span>
            <time dateTime={job.completedAt ?? ''}>{clockTime(times.completedMs, now)}</time>
          </li>
        )}
      </ol>
    </section>
  )
}

const stateOfStage = { Queued: 'queued', Starting: 'assigned', Running: 'running' }

function StageRow({ stage, wholeMs, now }: { stage: Stage; wholeMs: number; now: number }) {
  const ms = stage.toMs - stage.fromMs
  const part = wholeMs > 0 ? Math.max(1, (ms / wholeMs) * 100) : 100
  return (
    <li class={`state-${stateOfStage[stage.name]}${stage.isOpen ? ' open' : ''}`}>
      <i aria-hidden="true" />
      <span class="stage-name">{stage.name}</span>
      <time dateTime={new Date(stage.fromMs).toISOString()}>{clockTime(stage.fromMs, now)}</time>
      <span class="stage-length">{duration(ms)}</span>
      <span class="bar" aria-hidden="true">
        <span style={{ width: `${Math.min(100, part)}%` }} />
      </span>
    </li>
  )
}

/** The attempts that ended before the present one, and why the job was tried again after each. */
function Attempts({ job }: { job: Job }) {
  const { attempt, attempts } = job.metadata
  if (attempts.length === 0) return null
  const now = nowMs.value
  return (
    <section class="card">
      <h2>
        Attempts <span class="muted">this is attempt {attempt}</span>
      </h2>
      <ol class="attempts">
        {attempts.map((each) => (
          <li key={each.attempt}>
            <span class="tag">{each.attempt}</span> <b>{each.reason}</b>
            {each.endedAt !== null && <time dateTime={each.endedAt}>{clockTime(Date.parse(each.endedAt), now)}</time>}
            <p class="muted">{each.message}</p>
          </li>
        ))}
      </ol>
    </section>
  )
}

/** A long name that nobody reads, on one line; it can be selected whole. */
function Id({ text }: { text: string }) {
  return (
    <code class="id" title={text}>
      {text}
    </code>
  )
}

function Facts({ job, links }: { job: Job; links: GithubLinks | undefined }) {
  const { metadata } = job
  const attempt = metadata.runAttempt === null ? '' : `, attempt ${metadata.runAttempt}`
  const rows: [name: string, value: ComponentChildren][] = [
    ['Run', <Outside href={links?.run}>{`${job.runId}${attempt}`}</Outside>],
    ['GitHub job', job.jobId],
    ['Commit', metadata.sha && <Outside href={links?.commit}>{metadata.sha.slice(0, 12)}</Outside>],
    ['Event', metadata.eventName],
    ['Delegated by', job.runnerName],
    ['Pool', metadata.pool && <a href="#/pools">{metadata.pool}</a>],
    ['Runner', job.runnerId && <Id text={job.runnerId} />],
    ['Container', job.containerId && <Id text={job.containerId} />],
    ['Labels', <Labels labels={job.labels} />],
  ]
  return (
    <section class="card">
      <h2>Facts</h2>
      <dl class="facts">
        {rows
          .filter(([, value]) => value !== null && value !== '')
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
    </section>
  )
}
