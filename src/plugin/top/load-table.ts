import { spanBetween } from '../text/span.ts'
import { Table } from '../text/table.ts'
import type { PoolLoad } from './pool-load.ts'

const columns = ['POOL', 'MODE', 'READY', 'SLOTS', 'USED', 'RUNNING', 'STARTING', 'QUEUED', 'OLDEST']
const wideColumns = [...columns, 'LABELS', 'REPOSITORIES']

const BAR = 10

/** Pools, slots and queue as a table, with the sums of all pools. */
export function loadTable(loads: readonly PoolLoad[], now: string, isWide = false): string {
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
      spanBetween(oldest, now),
      ...(isWide ? placesOf(load) : []),
    ]
  })
  const sum = (field: 'used' | 'running' | 'starting' | 'queued'): number =>
    loads.reduce((total, load) => total + load[field], 0)
  const sums = `${sum('running')} running, ${sum('starting')} starting, ${sum('queued')} queued, ${sum('used')} slots used\n`
  return `${new Table(isWide ? wideColumns : columns).whole(rows)}${sums}`
}

function placesOf({ pool, labels, repositories }: PoolLoad): string[] {
  if (pool === undefined) return []
  return [labels.join(','), repositories.length === 0 ? 'all' : repositories.join(',')]
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
