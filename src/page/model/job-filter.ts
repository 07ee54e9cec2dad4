import { type JobState, jobStates } from '../../api/job-state.ts'
import type { JobRow } from './job-row.ts'

/** Which jobs the list shows. Empty values do not filter. */
export interface JobFilter {
  states: readonly JobState[]
  repository: string
  text: string
  /** Only jobs delegated in the last so many minutes. */
  minutes: number | undefined
}

/** The choices of the time filter, in minutes. */
export const timeChoices = [15, 60, 360, 1440] as const

/** Reads a filter from the query of an address; invalid values do not filter. */
export function parseFilter(query: URLSearchParams): JobFilter {
  const wanted = (query.get('state') ?? '').split(',')
  const minutes = Number(query.get('minutes'))
  return {
    states: jobStates.filter((state) => wanted.includes(state)),
    repository: query.get('repository') ?? '',
    text: query.get('text') ?? '',
    minutes: timeChoices.find((choice) => choice === minutes),
  }
}

/** The query of an address that shows these jobs. */
export function filterQuery({ states, repository, text, minutes }: JobFilter): URLSearchParams {
  const query = new URLSearchParams()
  if (states.length > 0) query.set('state', states.join(','))
  if (repository !== '') query.set('repository', repository)
  if (text !== '') query.set('text', text)
  if (minutes !== undefined) query.set('minutes', String(minutes))
  return query
}

/** The rows that a filter lets through, in their order. Case is ignored; every word of the text must appear. */
export function filtered(rows: readonly JobRow[], filter: JobFilter, nowMs: number): readonly JobRow[] {
  const { states, minutes } = filter
  const repository = filter.repository.trim().toLowerCase()
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean)
  const fromMs = minutes === undefined ? -Infinity : nowMs - minutes * 60_000
  if (states.length === 0 && repository === '' && words.length === 0 && minutes === undefined) return rows
  return rows.filter(
    (row) =>
      (states.length === 0 || states.includes(row.state)) &&
      row.repository.toLowerCase().includes(repository) &&
      row.delegatedMs >= fromMs &&
      (words.length === 0 || hasAll(row, words)),
  )
}

function hasAll(row: JobRow, words: readonly string[]): boolean {
  const { id, repository, workflow, runnerName, pool, reason, state } = row
  const text = [id, repository, workflow, runnerName, pool, reason, state].join(' ').toLowerCase()
  return words.every((word) => text.includes(word))
}

/** How many rows are in each state. */
export function countStates(rows: readonly JobRow[]): ReadonlyMap<JobState, number> {
  const counts = new Map<JobState, number>(jobStates.map((state) => [state, 0]))
  for (const { state } of rows) counts.set(state, (counts.get(state) ?? 0) + 1)
  return counts
}
