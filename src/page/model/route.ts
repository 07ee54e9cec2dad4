/** What the page shows, from the fragment of its address. */
export type Route =
  | { view: 'jobs'; query: URLSearchParams }
  | { view: 'job'; id: string; line: number | undefined }
  | { view: 'activity' | 'pools' | 'runners'; query: URLSearchParams }
  | { view: 'unknown' }

/** Reads a fragment such as `#/jobs/ID?line=12`. */
export function parseRoute(fragment: string): Route {
  const [path = '', search = ''] = fragment.replace(/^#/, '').split('?')
  const query = new URLSearchParams(search)
  const [view = '', id = '', ...rest] = path.split('/').filter((part) => part !== '')
  if (rest.length > 0) return { view: 'unknown' }
  if (view === 'jobs' && id !== '') return jobRoute(id, Number(query.get('line')))
  if (id !== '') return { view: 'unknown' }
  if (view === '' || view === 'jobs') return { view: 'jobs', query }
  if (view === 'activity' || view === 'pools' || view === 'runners') return { view, query }
  return { view: 'unknown' }
}

function jobRoute(id: string, line: number): Route {
  // Ids need no escaping: anything else is the id of no job.
  if (!/^[a-z0-9-]+$/i.test(id)) return { view: 'unknown' }
  return { view: 'job', id, line: Number.isSafeInteger(line) && line > 0 ? line : undefined }
}

/** The fragment of a job, or of a line of its log. */
export function jobFragment(id: string, line?: number): string {
  return `#/jobs/${encodeURIComponent(id)}${line === undefined ? '' : `?line=${line}`}`
}

/** The fragment of a view with a query. */
export function viewFragment(view: string, query: URLSearchParams): string {
  return query.size === 0 ? `#/${view}` : `#/${view}?${query.toString()}`
}
