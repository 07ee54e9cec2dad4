import { spanBetween } from '../text/span.ts'
import { Table } from '../text/table.ts'
import type { PoolLoad } from './pool-load.ts'

const columns = ['POOL', 'MODE', 'READY', 'SLOTS', 'USED', 'RUNNING', 'STARTING', 'QUEUED', 'OLDEST']

const BAR = 10

/** Pools, slots and queue as a table, with the sums of all pools. */
export function loadTable(loads: readonly PoolLoad[], now: string): string {
  const rows = loads.map((load) => {
    const { pool, mode, used, max, running, starting, queued, oldest } = load
    const slots = pool === undefined ? '' : `${used}/${max}`
    return [
      pool ?? '(no pool)',
      mode,
      readyOf(load),
      slots,
      barOf(load),
      ...[running, starting, queued].map(String),
    ].concat(spanBetween(oldest, now))
  })
  const sum = (field: 'used' | 'running' | 'starting' | 'queued'): number =>
    loads.reduce((total, load) => total + load[field], 0)
  const sums = `${sum('running')} running, ${sum('starting')} starting, ${sum('queued')} queued, ${sum('used')} slots used\n`
  return `${new Table(columns).whole(rows)}${sums}`
}

function readyOf({ pool, ready, isPaused }: PoolLoad): string {
  if (pool === undefined) return ''
  if (isPaused) return 'Paused'
  return ready === 'ready' ? 'True' : ready === 'unjudged' ? 'Unknown' : 'False'
}

function barOf({ pool, used, max }: PoolLoad): string {
  if (pool === undefined || max === 0) return ''
  const full = Math.min(Math.ceil((used / max) * BAR), BAR)
  return `${'#'.repeat(full)}${'.'.repeat(BAR - full)}`
}
