import type { RunnerJob } from '../api/runner-job.ts'
import { durationBounds, noJobs, plus, shareOf, type Totals } from './totals.ts'

/** Most jobs that the ledger may count before they are deleted: one write stands for so many deletions. */
export const MOST_LEAVING = 200

/**
 * What is kept of jobs that are deleted. It is one object with one writer at a time, and every write is checked for
 * conflicts, so that each job enters it once.
 *
 *   finished, in its TTL ──▶ counted: its uid is in `leaving` ──▶ deleted ──▶ the next write drops the uid
 *   finished, deleted by somebody else ──▶ counted by the next write, whose `asOf` is after the deletion
 */
export interface Ledger {
  /** All jobs that were ever counted here. */
  totals: Totals
  /** UIDs of jobs that are counted here and may still exist. */
  leaving: readonly string[]
  /** Version of the jobs at which this was right: who has seen less of them cannot add them up with it. */
  asOf: string
}

export const emptyLedger: Ledger = { totals: noJobs, leaving: [], asOf: '0' }

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
  asOf: string
}

/** The ledger with these entries, as many of those that are due as there is room for; undefined where there are none. */
export function nextLedger(ledger: Ledger, { due, departed, present, asOf }: Entries): Ledger | undefined {
  const room = Math.max(0, MOST_LEAVING - present.length)
  const entering = due.filter(({ metadata }) => !ledger.leaving.includes(metadata.uid)).slice(0, room)
  if (entering.length + departed.length === 0) return undefined
  const totals = [...entering, ...departed].map(shareOf).reduce(plus, ledger.totals)
  return { totals, leaving: [...present, ...entering.map(({ metadata }) => metadata.uid)], asOf }
}

/** As the data of a ConfigMap. */
export function formatLedger({ totals, leaving, asOf }: Ledger): Record<string, string> {
  const { completed, failed, cancelled, within, ranMs } = totals
  return {
    completed: String(completed),
    failed: String(failed),
    cancelled: String(cancelled),
    ranWithinSeconds: [...durationBounds, '+Inf'].map((bound, index) => `${bound}:${within[index] ?? 0}`).join(' '),
    ranMilliseconds: String(ranMs),
    leaving: leaving.join(' '),
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
    leaving: field(data, 'leaving')
      .split(' ')
      .filter((uid) => uid !== ''),
    asOf: String(count('asOf', field(data, 'asOf'))),
  }
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
