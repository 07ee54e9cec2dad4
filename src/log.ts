import { type Logger, pino } from 'pino'

// Values under these names never reach a log line, whatever object they are part of.
const secretPaths = ['authorization', 'token', 'password', 'headers.authorization', '*.authorization', '*.token']

/** What writes the lines of this process. */
export type RootLog = Logger

/** The root logger: one JSON object a line, on standard output. */
export function makeLog(level: string): RootLog {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime, redact: { paths: secretPaths } })
}

/** For lines whose fields are known one by one, and none secret: looking for secrets takes longer than writing them. */
export function plainLog(log: RootLog): RootLog {
  return log.child({}, { redact: [] })
}
