import { Draw } from '../../random/draw.ts'

/** The replicas, by their identity in the Lease. */
export const replicas = ['first', 'second'] as const
export type Replica = (typeof replicas)[number]

/** The requests that a fault meets. */
const scopes = ['jobs', 'runners', 'pods', 'writes', 'lease', 'facade', 'lists', 'messages', 'logs'] as const
export type Scope = (typeof scopes)[number]

const onWrites = [409, 429, 500, 503] as const
const onLists = [410, 429, 500, 503] as const
type Status = (typeof onWrites | typeof onLists)[number]

/** What goes wrong. */
export type Trouble =
  | { is: 'dropReply' | 'reset'; of: Replica; scope: Scope; times: number }
  | { is: 'delay'; of: Replica; scope: Scope; ms: number }
  | { is: 'answer'; of: Replica; scope: Scope; times: number; status: Status }
  | { is: 'stallWatches'; of: Replica }
  | { is: 'killLeader' | 'freezeLeader' | 'restartApiServer' }

/** A fault with its beginning, counted from the beginning of the load, and its duration. */
export type Fault = Trouble & { atMs: number; forMs: number }

/** The load has to last this long for a restart of the API server, which takes some ten seconds. */
const RESTART_FROM_MS = 30_000
/** The longest pause of a replica. */
export const FREEZE_MS = 20_000

const kinds = ['dropReply', 'delay', 'answer', 'reset', 'stallWatches', 'killLeader', 'freezeLeader'] as const
const longKinds = [...kinds, 'restartApiServer'] as const

/** The faults of a seed during a load of this duration: one to three, each of which ends before the load does. */
export function scheduleOf(seed: number, loadMs: number): Fault[] {
  const draw = new Draw(seed)
  const faults = Array.from({ length: draw.within(1, 3) }, () => {
    const atMs = draw.within(Math.ceil(loadMs * 0.1), Math.floor(loadMs * 0.5))
    const forMs = draw.within(
      Math.ceil(Math.min(FREEZE_MS, loadMs * 0.4) * 0.1),
      Math.floor(Math.min(FREEZE_MS, loadMs * 0.4)),
    )
    return { atMs, forMs, ...troubleOf(draw, loadMs) }
  })
  return faults.toSorted((a, b) => a.atMs - b.atMs)
}

function troubleOf(draw: Draw, loadMs: number): Trouble {
  const is = draw.oneOf(loadMs >= RESTART_FROM_MS ? longKinds : kinds)
  const of = draw.oneOf(replicas)
  const scope = draw.oneOf(scopes)
  const times = draw.within(1, 50)
  switch (is) {
    case 'dropReply':
    case 'reset':
      return { is, of, scope, times }
    case 'delay':
      return { is, of, scope, ms: draw.within(50, 3000) }
    case 'answer':
      return { is, of, scope, times, status: draw.oneOf<Status>(scope === 'lists' ? onLists : onWrites) }
    case 'stallWatches':
      return { is, of }
    case 'killLeader':
    case 'freezeLeader':
    case 'restartApiServer':
      return { is }
    default:
      return is satisfies never
  }
}

/** A fault in words, for the report of a seed. */
export function inWords({ atMs, forMs, ...trouble }: Fault): string {
  const details = Object.entries(trouble).map(([name, value]) => (name === 'is' ? String(value) : `${name}=${value}`))
  return `at ${(atMs / 1000).toFixed(1)} s for ${(forMs / 1000).toFixed(1)} s: ${details.join(' ')}`
}
