import { link, refusal } from '../io/live-jobs.ts'
import { route } from '../io/place.ts'
import { isStale, may, session, signOut } from '../io/session.ts'
import { Banner } from './notice.tsx'

const views = [
  { view: 'jobs', title: 'Jobs' },
  { view: 'activity', title: 'Activity' },
  { view: 'pools', title: 'Pools' },
  { view: 'runners', title: 'Runners' },
] as const

/** The menu, the state of the connection and the caller. */
export function Header() {
  const shown = route.value.view === 'job' ? 'jobs' : route.value.view
  return (
    <>
      <header class="top">
        <a class="brand" href="#/jobs">
          <svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">
            <circle cx="12" cy="12" r="3.2" fill="currentColor" />
            <g fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round">
              <path d="M12 3.5v5.3M12 15.2v5.3M4.6 7.8l4.6 2.6M14.8 13.6l4.6 2.6M19.4 7.8l-4.6 2.6M9.2 13.6l-4.6 2.6" />
            </g>
          </svg>
          RunnerHub
        </a>
        <nav aria-label="Views">
          {views.map(({ view, title }) => (
            <a key={view} href={`#/${view}`} aria-current={view === shown ? 'page' : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <Connection />
        <div class="caller">
          <span class="user" title="The user of this token">
            {session.value?.caller.user}
          </span>
          <button type="button" class="quiet" onClick={() => signOut()}>
            Sign out
          </button>
        </div>
      </header>
      {refusal.value !== undefined && <Banner>The operator refuses to send jobs: {refusal.value}</Banner>}
      {isStale.value && (
        <Banner>
          The API server of the cluster does not answer. What you see may be old, and is brought up to date when it
          answers.
        </Banner>
      )}
    </>
  )
}

const linkTexts = {
  connecting: { text: 'Connecting', title: 'The page is connecting to the operator.' },
  live: { text: 'Live', title: 'Changes appear as they happen.' },
  broken: {
    text: 'Reconnecting',
    title: 'The connection is lost. The page connects again and then shows all changes.',
  },
}

function Connection() {
  if (!may('watch runnerjobs')) return null
  const { text, title } = linkTexts[link.value]
  return (
    <span class={`link link-${link.value}`} role="status" title={title}>
      <i aria-hidden="true" />
      {text}
    </span>
  )
}
