import { type Logger, pino } from 'pino'

// Values under these names never reach a log line, whatever object they are part of.
const secretPaths = ['authorization', 'token', 'password', 'headers.authorization', '*.authorization', '*.token']

/** The root logger: one JSON object a line, on standard output. */
export function makeLog(level: string): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime, redact: { paths: secretPaths } })
}
