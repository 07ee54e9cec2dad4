import type { Clock } from '../kube/runtime/clock.ts'

/** Wakes who waits, also where it rang a moment before that. */
export class Bell {
  #isRung = false
  #wake = (): void => {}

  ring(): void {
    this.#isRung = true
    this.#wake()
  }

  /** Waits for the bell, and no longer than so; says whether it rang. Rejects once aborted. */
  async wait(clock: Clock, atMostMs: number, signal: AbortSignal): Promise<boolean> {
    if (!this.#isRung) {
      const rung = new AbortController()
      this.#wake = () => rung.abort()
      await clock.sleep(atMostMs, AbortSignal.any([signal, rung.signal])).catch(() => {})
      this.#wake = () => {}
      signal.throwIfAborted()
    }
    const isRung = this.#isRung
    this.#isRung = false
    return isRung
  }
}
