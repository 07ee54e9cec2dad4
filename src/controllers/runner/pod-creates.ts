import type { Clock } from '../../kube/runtime/clock.ts'
import type { Refusal } from './pod-refusal.ts'

export interface PodCreatesOptions {
  clock: Clock
  /** Most creates for one pool at a time: those that hang shall not take every worker. */
  mostPerPool: number
  /** Called with the key of a Runner that may try now. */
  wake: (runnerKey: string) => void
}

/** Who wants to try. */
export interface Entry {
  /** The Runner has not been refused before. */
  isFirst: boolean
  /** The state of its pool: what was refused in another one may be accepted now. */
  pool: string
}

/** Whether a Runner may try to create its pod; if not, why not, where that is known, and when to ask again. */
export type Leave = { may: true } | { may: false; refusal: Refusal | undefined; afterMs: number }

/** How a try ended. */
export type Tried = { is: 'created' } | { is: 'refused'; refusal: Refusal } | { is: 'failed' }

/** How soon a refused create is tried again at the soonest and at the latest: what takes long to refuse, later. */
const FASTEST_MS = 5000
const SLOWEST_MS = 60_000
/** The rest after a try is so many times as long as the try. */
const REST_FACTOR = 2
/** How soon after a refusal a Runner may try that never has. */
const FIRST_TRY_MS = 1000

interface Door {
  /** The state of the pool at the last entry. */
  pool: string
  /** Runners that are trying now, with the time since when. */
  readonly inside: Map<string, number>
  /** Runners that wait for somebody to leave. */
  readonly waiting: Set<string>
  /** How many may be inside. */
  most: number
  /** Of the last try, if it was refused for now, with the name of the pod that was meant. */
  refusal: { said: Refusal; pod: string; atMs: number; paceMs: number } | undefined
}

/**
 * Lets Runners try to create their pods, pool by pool. While the pods of a pool are refused for now, one Runner of it tries at a
 * time and at a bounded pace, and the others have its answer for theirs: so a webhook that hangs costs one worker and
 * not all of them, and a quota that is used up not one request for each Runner and pace. A create that succeeds opens
 * the door to twice as many.
 */
export class PodCreates {
  readonly #options: PodCreatesOptions
  readonly #doors = new Map<string, Door>()
  /** The pool of each Runner that waits. */
  readonly #poolOf = new Map<string, string>()

  constructor(options: PodCreatesOptions) {
    this.#options = options
  }

  /** With `may`, `leave` has to be called when the try has ended. */
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
    door.waiting.add(runnerKey)
    this.#poolOf.set(runnerKey, poolKey)
    const refusal = door.refusal === undefined ? undefined : asOf(door.refusal, runnerKey)
    return { may: false, refusal, afterMs: restMs > 0 ? restMs : FASTEST_MS }
  }

  /** Returns how soon this Runner should try again after a refusal. */
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
        door.refusal = { said: tried.refusal, pod: nameOf(runnerKey), atMs: nowMs, paceMs: paceAfter(tookMs) }
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

  /** The Runner wants no pod any more, or is gone. */
  forget(runnerKey: string): void {
    const poolKey = this.#poolOf.get(runnerKey)
    if (poolKey === undefined) return
    this.#poolOf.delete(runnerKey)
    this.#doors.get(poolKey)?.waiting.delete(runnerKey)
  }

  #doorOf(poolKey: string): Door {
    const known = this.#doors.get(poolKey)
    if (known !== undefined) return known
    const door: Door = {
      pool: '',
      inside: new Map(),
      waiting: new Set(),
      most: this.#options.mostPerPool,
      refusal: undefined,
    }
    this.#doors.set(poolKey, door)
    return door
  }

  /** How long nobody tries after a refusal; those that never have may sooner, since what was wrong may be mended. */
  #restOf({ refusal }: Door, isFirst: boolean): number {
    if (refusal === undefined) return 0
    const restMs = isFirst ? FIRST_TRY_MS : refusal.paceMs
    return refusal.atMs + restMs - this.#options.clock.monotonicMs()
  }

  #wakeWaiting(door: Door): void {
    let room = door.most - door.inside.size
    for (const runnerKey of door.waiting) {
      if (room <= 0) return
      room -= 1
      this.forget(runnerKey)
      this.#options.wake(runnerKey)
    }
  }
}

function paceAfter(tookMs: number): number {
  return Math.min(SLOWEST_MS, Math.max(FASTEST_MS, tookMs * REST_FACTOR))
}

function isIdle({ inside, waiting, most, refusal }: Door, mostPerPool: number): boolean {
  return inside.size === 0 && waiting.size === 0 && refusal === undefined && most === mostPerPool
}

/** The refusal as it would have been said of this Runner's pod, which has its name. */
function asOf({ said, pod }: { said: Refusal; pod: string }, runnerKey: string): Refusal {
  return { ...said, message: said.message.replaceAll(`"${pod}"`, `"${nameOf(runnerKey)}"`) }
}

function nameOf(runnerKey: string): string {
  return runnerKey.slice(runnerKey.indexOf('/') + 1)
}
