import { type Logger, pino } from 'pino'

// Fields with these names are redacted from every log line.
const secretPaths = ['authorization', 'token', 'password', 'headers.authorization', '*.authorization', '*.token']

export type RootLog = Logger

/** Creates the root logger: one JSON object per line, on standard output. */
export function makeLog(level: string): RootLog {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime, redact: { paths: secretPaths } })
}

/**
 * A logger without redaction, for lines whose fields are all known and not secret: redacting takes longer than writing.
 */
export function plainLog(log: RootLog): RootLog {
  return log.child({}, { redact: [] })
}
