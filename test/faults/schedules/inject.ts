import { pause } from '../../kubelet/pause.ts'
import type { Match } from '../proxy/rules.ts'
import type { Pair } from './pair.ts'
import type { Fault, Scope } from './schedule.ts'

const WATCHES: Match = { path: /watch=true/, userAgent: /^runnerhub-cache/ }
const WRITES: Match = { isWrite: true, userAgent: /^runnerhub-controller/ }

const matchOf: Record<Scope, Match> = {
  jobs: { ...WRITES, path: /\/runnerjobs(\/|\?|$)/ },
  runners: { ...WRITES, path: /\/runners(\/|\?|$)/ },
  pods: { ...WRITES, path: /\/pods(\/|\?|$)/ },
  writes: WRITES,
  lease: { path: /\/leases(\/|\?|$)/ },
  messages: { isWrite: true, path: /\/(secrets|leases)(\/|\?|$)/, userAgent: /^runnerhub-(facade|controller)/ },
  logs: { path: /\/configmaps(\/|\?|$)|\/log\?/, userAgent: /^runnerhub-controller/ },
  facade: { isWrite: true, path: /\/runnerjobs(\/|\?|$)/, userAgent: /^runnerhub-facade/ },
  lists: { method: 'GET', userAgent: /^runnerhub-cache/ },
}

const reasonOf = {
  409: 'Conflict',
  410: 'Expired',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
} as const

/** A fault that is over, with the monotonic times of its beginning and its end. */
export interface Healed {
  fault: Fault
  beganAt: number
  healedAt: number
}

/** Lets each fault happen at its time and heals it after its duration; resolves when all are healed. */
export async function inject(faults: readonly Fault[], pair: Pair, signal: AbortSignal): Promise<Healed[]> {
  return Promise.all(
    faults.map(async (fault) => {
      await pause(fault.atMs, signal)
      const beganAt = performance.now()
      const heal = await begin(fault, pair)
      try {
        await pause(fault.forMs, signal)
      } finally {
        await heal()
      }
      return { fault, beganAt, healedAt: performance.now() }
    }),
  )
}

type Heal = () => void | Promise<void>

async function begin(fault: Fault, pair: Pair): Promise<Heal> {
  switch (fault.is) {
    case 'dropReply': {
      const rule = pair.proxies[fault.of].when({ ...matchOf[fault.scope], times: fault.times }).dropReply()
      return () => rule.remove()
    }
    case 'reset': {
      const rule = pair.proxies[fault.of].when({ ...matchOf[fault.scope], times: fault.times }).cut()
      return () => rule.remove()
    }
    case 'delay': {
      const rule = pair.proxies[fault.of].when(matchOf[fault.scope]).delay(fault.ms)
      return () => rule.remove()
    }
    case 'answer': {
      const { status: code, times } = fault
      const status = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason: reasonOf[code] }
      const headers = code === 429 ? { 'Retry-After': '1' } : {}
      const rule = pair.proxies[fault.of].when({ ...matchOf[fault.scope], times }).answer(code, status, headers)
      return () => rule.remove()
    }
    case 'stallWatches': {
      const rule = pair.proxies[fault.of].when(WATCHES).stall()
      return () => rule.remove()
    }
    case 'killLeader':
      return killLeader(pair)
    case 'freezeLeader':
      return freezeLeader(pair)
    case 'restartApiServer':
      return pair.killApiServer()
    default:
      return fault satisfies never
  }
}

async function killLeader(pair: Pair): Promise<Heal> {
  const leader = await pair.leader()
  if (leader === undefined) return () => {}
  pair.kill(leader)
  return () => pair.start(leader)
}

async function freezeLeader(pair: Pair): Promise<Heal> {
  const leader = await pair.leader()
  const operator = leader && pair.operator(leader)
  operator?.freeze()
  return () => operator?.thaw()
}
