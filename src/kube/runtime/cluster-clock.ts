import { type Clock, sleepOn } from './clock.ts'

/** The Date header of HTTP has whole seconds. */
const RESOLUTION_MS = 1000

/**
 * A clock whose wall time follows the API server's, by the Date header of its responses. The stamps of objects are compared
 * with it, and a machine whose own clock is off by minutes would end jobs early, or never. It corrects no more than the
 * headers prove: in a cluster whose clocks agree, it is the machine's own. Durations stay monotonic.
 */
export class ClusterClock implements Clock {
  readonly #machine: Clock
  #offsetMs = 0

  constructor(machine: Clock) {
    this.#machine = machine
  }

  now(): Date {
    return new Date(this.#machine.now().getTime() + this.#offsetMs)
  }

  monotonicMs(): number {
    return this.#machine.monotonicMs()
  }

  setTimer(callback: () => void, delayMs: number): () => void {
    return this.#machine.setTimer(callback, delayMs)
  }

  sleep(delayMs: number, signal: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal)
  }

  /** Notes the Date header of a response that has just arrived, so long after its request. Returns the correction. */
  follow(date: string, tookMs: number): number {
    const serverMs = Date.parse(date)
    if (Number.isNaN(serverMs)) return 0
    const arrivedMs = this.#machine.now().getTime()
    const [lowest, highest] = [serverMs - arrivedMs, serverMs + RESOLUTION_MS - (arrivedMs - tookMs)]
    const before = this.#offsetMs
    this.#offsetMs = Math.max(lowest, Math.min(before, highest))
    return this.#offsetMs - before
  }
}
