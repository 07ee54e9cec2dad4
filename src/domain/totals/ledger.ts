import { repositoryKey } from '../../api/names.ts'
import type { Requested, RunnerJob } from '../../api/runner-job.ts'
import { nothingRequested, sumOf } from '../job/requested.ts'
import { durationBounds, noJobs, plus, shareOf, type Totals } from './totals.ts'

/** Most jobs that the ledger may count before they are deleted: one write covers this many deletions. */
export const MOST_LEAVING = 200

/** Most counted and still existing jobs in the ledger, including those that others keep: 185 kB. */
export const MOST_NAMED = 5000

/** Most deleted jobs that the ledger still names, for replicas that saw the deletion but missed earlier ledgers. */
const MOST_GONE = 200

/** Names the repositories that have no number of their own: no repository has such a name. */
export const OTHER = 'other'

/**
 * The record of deleted jobs. It is one object with one writer at a time, and every write is checked for conflicts, so
 * that each job enters it once.
 *
 *   finished, at the end of its TTL ──▶ counted: its uid is in `leaving` ──▶ deleted ──▶ the next write: in `gone`
 *   finished, deleted by another client ──▶ counted by the next write: its uid is in `gone`
 */
export interface Ledger {
  /** All jobs that were ever counted in the ledger. */
  totals: Totals
  /** What these jobs requested, by repository; all others are together under OTHER. */
  requested: ReadonlyMap<string, Requested>
  /** UIDs of counted jobs that may still exist. */
  leaving: readonly string[]
  /** UIDs of counted jobs that are gone: all that were deleted after `goneSince`. */
  gone: readonly string[]
  goneSince: string
  /** Version of the jobs that this is based on: an older cache of jobs cannot be added to it. */
  asOf: string
}

export const emptyLedger: Ledger = {
  totals: noJobs,
  requested: new Map(),
  leaving: [],
  gone: [],
  goneSince: '0',
  asOf: '0',
}

/** The ledger's data cannot be read: something other than the operator wrote it. */
export class BadLedger extends Error {
  override name = 'BadLedger'
}

/** The changes for a ledger, all as of version `asOf` of the jobs. */
export interface Entries {
  /** Jobs to be deleted. */
  due: readonly RunnerJob[]
  /** Finished jobs that were deleted without being counted. */
  departed: readonly RunnerJob[]
  /** UIDs in `leaving` whose jobs still exist. */
  present: readonly string[]
  /** How many of these jobs a finalizer or a policy of others keeps. They may stay for any time. */
  held: number
  /** The repositories that have a number of their own. */
  named: ReadonlySet<string>
  asOf: string
}

/** How many more jobs may be counted before they are deleted. */
export function roomBeside({ present, held }: Pick<Entries, 'present' | 'held'>): number {
  return Math.max(0, Math.min(MOST_LEAVING - (present.length - held), MOST_NAMED - present.length))
}

/** The ledger with these entries, and as many of the due jobs as there is room for; undefined if nothing changes. */
export function nextLedger(ledger: Ledger, entries: Entries): Ledger | undefined {
  const { due, departed, present, asOf } = entries
  const counted = new Set(ledger.leaving)
  const entering = due.filter(({ metadata }) => !counted.has(metadata.uid)).slice(0, roomBeside(entries))
  if (entering.length + departed.length === 0) return undefined
  const counting = [...entering, ...departed]
  const totals = counting.map(shareOf).reduce(plus, ledger.totals)
  const requested = requestedWith(ledger.requested, counting, entries.named)
  const leaving = [...present, ...entering.map(({ metadata }) => metadata.uid)]
  const existing = new Set(present)
  const deleted = ledger.leaving.filter((uid) => !existing.has(uid))
  const gone = [...deleted, ...departed.map(({ metadata }) => metadata.uid)]
  return { totals, requested, leaving, ...naming(ledger, gone, asOf), asOf }
}

function requestedWith(
  before: Ledger['requested'],
  jobs: readonly RunnerJob[],
  named: ReadonlySet<string>,
): Ledger['requested'] {
  const after = new Map(before)
  for (const { spec, status } of jobs) {
    if (status.requested === undefined) continue
    const repository = repositoryKey(spec.repository)
    const key = named.has(repository) ? repository : OTHER
    after.set(key, sumOf(after.get(key) ?? nothingRequested, status.requested))
  }
  return after
}

/** Names the jobs deleted since the last write, and the earlier ones if there is room for all of them. */
function naming(ledger: Ledger, gone: readonly string[], asOf: string): Pick<Ledger, 'gone' | 'goneSince'> {
  if (gone.length > MOST_GONE) return { gone: [], goneSince: asOf }
  if (ledger.gone.length + gone.length > MOST_GONE) return { gone, goneSince: ledger.asOf }
  return { gone: [...ledger.gone, ...gone], goneSince: ledger.goneSince }
}

/** Formats the ledger as the data of a ConfigMap. */
export function formatLedger({ totals, requested, leaving, gone, goneSince, asOf }: Ledger): Record<string, string> {
  const { completed, failed, cancelled, within, ranMs } = totals
  return {
    completed: String(completed),
    failed: String(failed),
    cancelled: String(cancelled),
    ranWithinSeconds: [...durationBounds, '+Inf'].map((bound, index) => `${bound}:${within[index] ?? 0}`).join(' '),
    ranMilliseconds: String(ranMs),
    requested: [...requested].map(formatRequested).join('\n'),
    leaving: leaving.join(' '),
    gone: gone.join(' '),
    goneSince,
    asOf,
  }
}

/** Parses the data of a ConfigMap. Throws BadLedger for data that formatLedger did not write. */
export function parseLedger(data: Readonly<Record<string, string>>): Ledger {
  const within = field(data, 'ranWithinSeconds').split(' ')
  const bounds = [...durationBounds, '+Inf']
  if (within.length !== bounds.length) throw new BadLedger('ranWithinSeconds has other bounds')
  return {
    totals: {
      completed: count('completed', field(data, 'completed')),
      failed: count('failed', field(data, 'failed')),
      cancelled: count('cancelled', field(data, 'cancelled')),
      within: bounds.map((bound, index) => bucket(String(bound), within[index] ?? '')),
      ranMs: count('ranMilliseconds', field(data, 'ranMilliseconds')),
    },
    requested: requestedOf(data['requested'] ?? ''),
    leaving: uids(field(data, 'leaving')),
    gone: uids(field(data, 'gone')),
    goneSince: String(count('goneSince', field(data, 'goneSince'))),
    asOf: String(count('asOf', field(data, 'asOf'))),
  }
}

function formatRequested([repository, { cpuMillicoreSeconds, memoryMebibyteSeconds }]: readonly [
  string,
  Requested,
]): string {
  return `${repository} ${cpuMillicoreSeconds} ${memoryMebibyteSeconds}`
}

/** Ledgers of earlier versions have none. */
function requestedOf(text: string): Ledger['requested'] {
  const lines = text.split('\n').filter((line) => line !== '')
  return new Map(
    lines.map((line) => {
      const [repository = '', cpu = '', memory = ''] = line.split(' ')
      const amount = { cpuMillicoreSeconds: count('requested', cpu), memoryMebibyteSeconds: count('requested', memory) }
      return [repository, amount]
    }),
  )
}

function uids(text: string): string[] {
  return text.split(' ').filter((uid) => uid !== '')
}

function field(data: Readonly<Record<string, string>>, name: string): string {
  const text = Object.hasOwn(data, name) ? data[name] : undefined
  if (text === undefined) throw new BadLedger(`${name} is missing`)
  return text
}

function bucket(bound: string, text: string): number {
  const [given, number = ''] = text.split(':')
  if (given !== bound) throw new BadLedger('ranWithinSeconds has other bounds')
  return count('ranWithinSeconds', number)
}

function count(name: string, text: string): number {
  const number = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(number)) return number
  throw new BadLedger(`${name} must be a whole number`)
}
