import { useEffect, useRef, useState } from 'preact/hooks'
import { followJobs } from '../io/live-jobs.ts'
import { route } from '../io/place.ts'
import { problemOf } from '../io/polled.ts'
import { may, resume, session } from '../io/session.ts'
import { useTitle } from '../io/title.ts'
import { Activity } from './activity.tsx'
import { Header } from './header.tsx'
import { JobView } from './job.tsx'
import { Jobs } from './jobs.tsx'
import { Loading, Notice } from './notice.tsx'
import { Pools } from './pools.tsx'
import { Runners } from './runners.tsx'
import { SignIn } from './sign-in.tsx'

/** The page: the sign-in, or the view of the address. */
export function App() {
  const [isResuming, setResuming] = useState(true)
  const [problem, setProblem] = useState<string>()
  useEffect(() => {
    resume()
      .catch((error: unknown) => setProblem(problemOf(error)))
      .finally(() => setResuming(false))
  }, [])
  if (isResuming) return <Loading what="the page" />
  return session.value === undefined ? <SignIn problem={problem} /> : <SignedIn />
}

function SignedIn() {
  const mayFollow = may('list runnerjobs') && may('watch runnerjobs')
  useEffect(() => {
    const leaving = new AbortController()
    if (mayFollow) void followJobs(leaving.signal)
    return () => leaving.abort()
  }, [mayFollow, session.value?.token])
  useFocusOfView()
  return (
    <>
      <a class="skip" href="#main" onClick={focusMain}>
        Skip to content
      </a>
      <Header />
      <main id="main" tabIndex={-1}>
        {mayFollow ? <View /> : <NotAllowed />}
      </main>
    </>
  )
}

/** The link that led to a view is gone with the last one: whoever uses the keyboard goes on at the top of the new view. */
function useFocusOfView(): void {
  const now = route.value
  const view = now.view === 'job' ? now.id : now.view
  const last = useRef(view)
  useEffect(() => {
    if (last.current !== view && document.activeElement === document.body) {
      document.querySelector<HTMLElement>('#main')?.focus({ preventScroll: true })
    }
    last.current = view
  }, [view])
}

/** The fragment of the address is the route: a real jump would leave it. */
function focusMain(event: Event): void {
  event.preventDefault()
  document.querySelector<HTMLElement>('#main')?.focus()
}

const titles = {
  jobs: 'Jobs',
  job: 'Job',
  activity: 'Activity',
  pools: 'Pools',
  runners: 'Runners',
  unknown: 'Not found',
}

function View() {
  const now = route.value
  useTitle(titles[now.view])
  switch (now.view) {
    case 'jobs':
      return <Jobs query={now.query} />
    case 'job':
      return <JobView key={now.id} id={now.id} line={now.line} />
    case 'activity':
      return <Activity query={now.query} />
    case 'pools':
      return <Pools />
    case 'runners':
      return <Runners query={now.query} />
    case 'unknown':
      return (
        <Notice title="There is no such page" action={<a href="#/jobs">Show the jobs</a>}>
          The address may have been cut off. The menu leads to everything that there is.
        </Notice>
      )
    default:
      return now satisfies never
  }
}

function NotAllowed() {
  return (
    <Notice title="This token may not list jobs">
      {session.value?.caller.user} needs the permissions <code>list runnerjobs</code> and <code>watch runnerjobs</code>,
      which the Role <code>runnerhub-viewer</code> has. Ask an administrator for it, or sign out and enter another
      token.
    </Notice>
  )
}
