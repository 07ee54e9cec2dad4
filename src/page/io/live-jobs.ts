import { signal as observable } from '@preact/signals'
import { Backoff } from '../../kube/runtime/backoff.ts'
import { systemClock as clock } from '../../kube/runtime/clock.ts'
import { type JobRow, parseJobRow } from '../model/job-row.ts'
import { JobTable } from '../model/job-table.ts'
import { elementsOf, fieldsOf, parsed } from '../../api/json.ts'
import { eventsUrl } from './base.ts'
import { session, signOut } from './session.ts'

/** How fresh the jobs are. */
export type Link = 'connecting' | 'live' | 'broken'

/** All jobs. `version` changes with them, at most once per frame. */
export const jobs = new JobTable()
export const version = observable(0)
export const link = observable<Link>('connecting')
/** Why the events are refused, in the words of the operator. */
export const refusal = observable<string | undefined>(undefined)

/** The close code of a token that is not valid any more. */
const POLICY = 1008

/** How long a connection may take to open. */
const OPEN_MS = 10_000

const watchers = new Map<string, Set<() => void>>()

/** Calls back after each change of a job, until the signal. */
export function watchJob(id: string, onChange: () => void, until: AbortSignal): void {
  const all = watchers.get(id) ?? new Set()
  watchers.set(id, all.add(onChange))
  until.addEventListener('abort', () => all.delete(onChange), { once: true })
}

let isDrawing = false

/** Events come in bursts: the views follow once per frame. A hidden page has no frames, and catches up when it is shown. */
function changed(): void {
  if (isDrawing) return
  isDrawing = true
  requestAnimationFrame(() => {
    isDrawing = false
    version.value += 1
  })
}

/** Follows all jobs until the signal: connects again as often as the connection breaks, each time with a snapshot. */
export async function followJobs(signal: AbortSignal): Promise<void> {
  const backoff = new Backoff({ clock, random: Math.random, minMs: 250, maxMs: 15_000, resetAfterMs: 5000 })
  jobs.replaceAll([])
  link.value = 'connecting'
  refusal.value = undefined
  while (!signal.aborted) {
    const code = await connection(() => backoff.healthy(), signal)
    if (signal.aborted) return
    if (code === POLICY) return signOut('Your token is no longer valid. Enter a new one.')
    link.value = 'broken'
    await clock.sleep(backoff.next(), signal).catch(() => {})
  }
}

/** One connection, from its beginning to its end; resolves with its close code. */
function connection(onLive: () => void, signal: AbortSignal): Promise<number> {
  const token = session.value?.token ?? ''
  const socket = new WebSocket(eventsUrl, ['runnerhub', `runnerhub.bearer.${token}`])
  let snapshot: JobRow[] | undefined = []
  const take = (text: string): void => {
    const { event, data } = fieldsOf(parsed(text))
    const fields = fieldsOf(data)
    if (event === 'error') refusal.value = String(fields['error'])
    else if (event === 'job:snapshot' && snapshot !== undefined) {
      snapshot.push(...rowsOf(fields['jobs']))
      if (fields['last'] !== true) return
      jobs.replaceAll(snapshot)
      snapshot = undefined
      refusal.value = undefined
      link.value = 'live'
      onLive()
      changed()
      for (const all of watchers.values()) for (const onChange of all) onChange()
    } else apply(event, data)
  }
  return new Promise((resolve) => {
    const cancel = clock.setTimer(() => socket.close(), OPEN_MS)
    const leave = (): void => socket.close()
    signal.addEventListener('abort', leave, { once: true })
    socket.addEventListener('open', () => {
      cancel()
      const data = { all: true, snapshot: true, facts: true }
      socket.send(JSON.stringify({ event: 'subscribe:repository', data }))
    })
    socket.addEventListener('message', ({ data }) => take(String(data)))
    socket.addEventListener('close', ({ code }) => {
      cancel()
      signal.removeEventListener('abort', leave)
      resolve(code)
    })
  })
}

function apply(event: unknown, data: unknown): void {
  const row = parseJobRow(data)
  if (row === undefined || typeof event !== 'string' || !event.startsWith('job:')) return
  if (event === 'job:deleted') jobs.remove(row.id)
  else jobs.put(row)
  changed()
  for (const onChange of watchers.get(row.id) ?? []) onChange()
}

function rowsOf(value: unknown): JobRow[] {
  return elementsOf(value)
    .map(parseJobRow)
    .filter((row) => row !== undefined)
}
