import type { Clock } from '../kube/runtime/clock.ts'

/** Where text goes. */
export interface Output {
  /** Resolves when more may be written. */
  write(text: string): Promise<void>
  isTerminal: boolean
  /** Size of the terminal. */
  columns: number
  rows: number
}

/** What the plugin needs of its process. */
export interface Host {
  env: Readonly<Record<string, string | undefined>>
  out: Output
  err: Output
  clock: Clock
  random: () => number
  uuid: () => string
  /** Aborted when somebody interrupts the program. */
  signal: AbortSignal
}
