import type { Log } from '../../src/kube/runtime/logger.ts'

type Line = { level: string; message: string } & Record<string, unknown>

/** A log that a test can read; the fields omit errors, since tests compare them. */
export class RecordedLog implements Log {
  readonly lines: Line[] = []

  debug(fields: object, message: string): void {
    this.#add('debug', fields, message)
  }

  info(fields: object, message: string): void {
    this.#add('info', fields, message)
  }

  warn(fields: object, message: string): void {
    this.#add('warn', fields, message)
  }

  error(fields: object, message: string): void {
    this.#add('error', fields, message)
  }

  #add(level: string, fields: object, message: string): void {
    const { err: _, ...rest }: Record<string, unknown> = { ...fields }
    this.lines.push({ ...rest, level, message })
  }
}
