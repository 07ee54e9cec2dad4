import type { RunnerJob } from '../../api/runner-job.ts'
import { durationBounds, noJobs, plus, shareOf, type Totals } from './totals.ts'

/** Most jobs that the ledger may count before they are deleted: one write stands for so many deletions. */
export const MOST_LEAVING = 200

/** Most jobs that the ledger names as counted and still there, with those that somebody's finalizer holds: 185 kB. */
export const MOST_NAMED = 5000

/** Most jobs that are gone and that the ledger still names, for those who saw them go and have missed what it said. */
const MOST_GONE = 200

/**
 * What is kept of jobs that are deleted. It is one object with one writer at a time, and every write is checked for
 * conflicts, so that each job enters it once.
 *
 *   finished, at the end of its TTL ──▶ counted: its uid is in `leaving` ──▶ deleted ──▶ the next write: in `gone`
 *   finished, deleted by somebody else ──▶ counted by the next write: its uid is in `gone`
 */
export interface Ledger {
  /** All jobs that were ever counted here. */
  totals: Totals
  /** UIDs of jobs that are counted here and may still exist. */
  leaving: readonly string[]
  /** UIDs of jobs that are counted here and gone: all that were deleted after `goneSince`. */
  gone: readonly string[]
  goneSince: string
  /** Version of the jobs at which this was right: who has seen less of them cannot add them up with it. */
  asOf: string
}

export const emptyLedger: Ledger = { totals: noJobs, leaving: [], gone: [], goneSince: '0', asOf: '0' }

/** What the ledger holds cannot be read: somebody else has written it. */
export class BadLedger extends Error {
  override name = 'BadLedger'
}

/** What changes a ledger. All of it is of one moment, at which the jobs had version `asOf`. */
export interface Entries {
  /** Jobs that are to be deleted. */
  due: readonly RunnerJob[]
  /** Finished jobs that are deleted and were not counted. */
  departed: readonly RunnerJob[]
  /** Those of `leaving` that still exist. */
  present: readonly string[]
  /** How many of these are deleted but for a finalizer of somebody else. They may stay for as long as he likes. */
  held: number
  asOf: string
}

/** How many more jobs may be counted before they are deleted. */
export function roomBeside({ present, held }: Pick<Entries, 'present' | 'held'>): number {
  return Math.max(0, Math.min(MOST_LEAVING - (present.length - held), MOST_NAMED - present.length))
}

/** The ledger with these entries, as many of those that are due as there is room for; undefined where there are none. */
export function nextLedger(ledger: Ledger, entries: Entries): Ledger | undefined {
  const { due, departed, present, asOf } = entries
  const counted = new Set(ledger.leaving)
  const entering = due.filter(({ metadata }) => !counted.has(metadata.uid)).slice(0, roomBeside(entries))
  if (entering.length + departed.length === 0) return undefined
  const totals = [...entering, ...departed].map(shareOf).reduce(plus, ledger.totals)
  const leaving = [...present, ...entering.map(({ metadata }) => metadata.uid)]
  const here = new Set(present)
  const left = ledger.leaving.filter((uid) => !here.has(uid))
  const gone = [...left, ...departed.map(({ metadata }) => metadata.uid)]
  return { totals, leaving, ...naming(ledger, gone, asOf), asOf }
}

/** Names those that are known to be gone since the last write, and the earlier ones if there is room for all of them. */
function naming(ledger: Ledger, gone: readonly string[], asOf: string): Pick<Ledger, 'gone' | 'goneSince'> {
  if (gone.length > MOST_GONE) return { gone: [], goneSince: asOf }
  if (ledger.gone.length + gone.length > MOST_GONE) return { gone, goneSince: ledger.asOf }
  return { gone: [...ledger.gone, ...gone], goneSince: ledger.goneSince }
}

/** As the data of a ConfigMap. */
export function formatLedger({ totals, leaving, gone, goneSince, asOf }: Ledger): Record<string, string> {
  const { completed, failed, cancelled, within, ranMs } = totals
  return {
    completed: String(completed),
    failed: String(failed),
    cancelled: String(cancelled),
    ranWithinSeconds: [...durationBounds, '+Inf'].map((bound, index) => `${bound}:${within[index] ?? 0}`).join(' '),
    ranMilliseconds: String(ranMs),
    leaving: leaving.join(' '),
    gone: gone.join(' '),
    goneSince,
    asOf,
  }
}

/** Reads the data of a ConfigMap. Throws BadLedger for what formatLedger did not write. */
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
    leaving: uids(field(data, 'leaving')),
    gone: uids(field(data, 'gone')),
    goneSince: String(count('goneSince', field(data, 'goneSince'))),
    asOf: String(count('asOf', field(data, 'asOf'))),
  }
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
  throw new BadLedger(`${name} is no whole number`)
}
