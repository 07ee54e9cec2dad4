import type { Clock } from '../../kube/runtime/clock.ts'
import type { Refusal } from './pod-refusal.ts'

export interface PodCreatesOptions {
  clock: Clock
  /** Maximum number of concurrent creates per pool: hanging creates must not take every worker. */
  mostPerPool: number
  /** Called with the key of a Runner that may try now. */
  wake: (runnerKey: string) => void
}

/** The Runner that wants to try. */
export interface Entry {
  /** The Runner has not been refused before. */
  isFirst: boolean
  /** The state of its pool: a change of it may make a refused pod acceptable. */
  pool: string
}

/** Whether a Runner may try to create its pod; if not, the reason if known, and when to ask again. */
export type Leave = { may: true } | { may: false; refusal: Refusal | undefined; afterMs: number }

/** The result of a try. */
export type Tried = { is: 'created' } | { is: 'refused'; refusal: Refusal } | { is: 'failed' }

/** Shortest and longest pause after a refused create: the longer the refusal takes, the longer the pause. */
const FASTEST_MS = 5000
const SLOWEST_MS = 60_000
/** The pause after a try is this many times as long as the try. */
const REST_FACTOR = 2
/** How soon after a refusal a Runner may make its first try. */
const FIRST_TRY_MS = 1000

interface Door {
  /** The state of the pool at the last entry. */
  pool: string
  /** Runners that are trying now, with their start times. */
  readonly inside: Map<string, number>
  /** Runners that wait for a free try. */
  readonly waiting: Set<string>
  /** Runners that were woken for a free try and have not come yet: without them, each free try would wake several. */
  readonly called: Set<string>
  /** Maximum number of Runners inside. */
  most: number
  /** The refusal of the last try, if it was refused for now, with the name of its pod. */
  refusal: { latest: Refusal; pod: string; atMs: number; paceMs: number } | undefined
}

/**
 * Admits Runners to try to create their pods, per pool. While the pods of a pool are refused for now, one of its Runners
 * tries at a time and at a bounded pace, and the others reuse its refusal: a hanging webhook costs one worker instead of
 * all, and a full quota does not cost one request per Runner. Each successful create doubles the number of concurrent
 * tries.
 */
export class PodCreates {
  readonly #options: PodCreatesOptions
  readonly #doors = new Map<string, Door>()
  /** The pool of each Runner that waits or was called. */
  readonly #poolOf = new Map<string, string>()

  constructor(options: PodCreatesOptions) {
    this.#options = options
  }

  /** If the result has `may: true`, the caller must call `leave` after the try. */
  enter(poolKey: string, runnerKey: string, { isFirst, pool }: Entry): Leave {
    const door = this.#doorOf(poolKey)
    if (door.pool !== pool) door.refusal = undefined
    door.pool = pool
    const restMs = this.#restOf(door, isFirst)
    if (restMs <= 0 && door.inside.size < door.most) {
      door.inside.set(runnerKey, this.#options.clock.monotonicMs())
      this.forget(runnerKey)
      return { may: true }
    }
    door.called.delete(runnerKey)
    door.waiting.add(runnerKey)
    this.#poolOf.set(runnerKey, poolKey)
    const refusal = door.refusal === undefined ? undefined : asOf(door.refusal, runnerKey)
    return { may: false, refusal, afterMs: restMs > 0 ? restMs : FASTEST_MS }
  }

  /** Returns after how many milliseconds this Runner should try again if it was refused. */
  leave(poolKey: string, runnerKey: string, tried: Tried): number {
    const door = this.#doorOf(poolKey)
    const nowMs = this.#options.clock.monotonicMs()
    const tookMs = nowMs - (door.inside.get(runnerKey) ?? nowMs)
    door.inside.delete(runnerKey)
    switch (tried.is) {
      case 'created':
        door.refusal = undefined
        door.most = Math.min(this.#options.mostPerPool, door.most * 2)
        break
      case 'refused':
        if (tried.refusal.phase === 'Stopping') break
        door.most = 1
        door.refusal = { latest: tried.refusal, pod: nameOf(runnerKey), atMs: nowMs, paceMs: paceAfter(tookMs) }
        break
      case 'failed':
        break
      default:
        tried satisfies never
    }
    if (door.refusal === undefined) this.#wakeWaiting(door)
    if (isIdle(door, this.#options.mostPerPool)) this.#doors.delete(poolKey)
    return door.refusal?.paceMs ?? FASTEST_MS
  }

  /** Removes a Runner that needs no pod any more, or is gone. */
  forget(runnerKey: string): void {
    const poolKey = this.#poolOf.get(runnerKey)
    if (poolKey === undefined) return
    this.#poolOf.delete(runnerKey)
    const door = this.#doors.get(poolKey)
    door?.waiting.delete(runnerKey)
    door?.called.delete(runnerKey)
  }

  #doorOf(poolKey: string): Door {
    const known = this.#doors.get(poolKey)
    if (known !== undefined) return known
    const door: Door = {
      pool: '',
      inside: new Map(),
      waiting: new Set(),
      called: new Set(),
      most: this.#options.mostPerPool,
      refusal: undefined,
    }
    this.#doors.set(poolKey, door)
    return door
  }

  /** Remaining pause after a refusal; a first try may come sooner, since the cause may be fixed. */
  #restOf({ refusal }: Door, isFirst: boolean): number {
    if (refusal === undefined) return 0
    const restMs = isFirst ? FIRST_TRY_MS : refusal.paceMs
    return refusal.atMs + restMs - this.#options.clock.monotonicMs()
  }

  #wakeWaiting(door: Door): void {
    for (const runnerKey of door.waiting) {
      if (door.inside.size + door.called.size >= door.most) return
      door.waiting.delete(runnerKey)
      door.called.add(runnerKey)
      this.#options.wake(runnerKey)
    }
  }
}

function paceAfter(tookMs: number): number {
  return Math.min(SLOWEST_MS, Math.max(FASTEST_MS, tookMs * REST_FACTOR))
}

function isIdle({ inside, waiting, called, most, refusal }: Door, mostPerPool: number): boolean {
  return inside.size === 0 && waiting.size === 0 && called.size === 0 && refusal === undefined && most === mostPerPool
}

/** The refusal with the name of this Runner's pod, which is that of the Runner. */
function asOf({ latest, pod }: { latest: Refusal; pod: string }, runnerKey: string): Refusal {
  return { ...latest, message: latest.message.replaceAll(`"${pod}"`, `"${nameOf(runnerKey)}"`) }
}

function nameOf(runnerKey: string): string {
  return runnerKey.slice(runnerKey.indexOf('/') + 1)
}
