import type { Host, Output } from '../../src/plugin/host.ts'
import { systemClock } from '../../src/kube/runtime/clock.ts'

/** An output that a test reads. */
export class RecordedOutput implements Output {
  text = ''
  isTerminal: boolean
  columns = 80
  rows = 24
  readonly #onWrite: (text: string) => void

  constructor(isTerminal = false, onWrite: (text: string) => void = () => {}) {
    this.isTerminal = isTerminal
    this.#onWrite = onWrite
  }

  write(text: string): Promise<void> {
    this.text += text
    this.#onWrite(this.text)
    return Promise.resolve()
  }
}

export type RecordedHost = Host & { out: RecordedOutput; err: RecordedOutput }

/** A process for the plugin, whose output a test reads. */
export function recordedHost(given: Partial<Host> & { isTerminal?: boolean } = {}): RecordedHost {
  const { isTerminal = false, ...rest } = given
  const random = { random: () => 0, uuid: () => '00000000-0000-4000-8000-000000000000' }
  const outputs = { out: new RecordedOutput(isTerminal), err: new RecordedOutput(isTerminal) }
  return { env: {}, clock: systemClock, ...random, signal: new AbortController().signal, ...rest, ...outputs }
}
