import { CommanderError } from '@commander-js/extra-typings'
import { ApiError, Forbidden, NotFound, Unauthorized, Unreachable } from '../kube/client/errors.ts'
import { complete } from './completion/complete.ts'
import { COMPLETE, scriptOf } from './completion/scripts.ts'
import { doctor } from './doctor/doctor.ts'
import { exitCodes, type ExitCode, Failure } from './exit.ts'
import type { Handlers } from './handlers.ts'
import type { Host } from './host.ts'
import { cancel } from './jobs/cancel.ts'
import { delegate } from './jobs/delegate.ts'
import { list } from './jobs/list.ts'
import { why } from './jobs/why.ts'
import { logs } from './logs/logs.ts'
import { programOf } from './program.ts'
import { inSession, type Session, type Where } from './session.ts'
import { plain } from './text/plain.ts'
import { top } from './top/top.ts'
import { allVersions, clientVersion } from './version.ts'

/** Runs one command line; resolves with the exit code. */
export async function runPlugin(args: readonly string[], host: Host, version: string): Promise<ExitCode> {
  let code: ExitCode = exitCodes.ok
  const handlers = handlersFor(host, version, (result) => {
    code = result
  })
  const program = programOf(handlers, host, version)
  try {
    if (args[0] === COMPLETE) await complete(host, program, args.slice(1))
    else await program.parseAsync([...args], { from: 'user' })
    return code
  } catch (error) {
    return await reported(error, host)
  }
}

function handlersFor(host: Host, version: string, ends: (code: ExitCode) => void): Handlers {
  const within = async (where: Where, use: (session: Session) => Promise<ExitCode>): Promise<void> =>
    ends(await inSession(host, where, use))
  return {
    delegate: (where, repository, options) => within(where, (session) => delegate(session, repository, options)),
    list: (where, options) => within(where, (session) => list(session, options)),
    logs: (where, job, options) => within(where, (session) => logs(session, job, options)),
    why: (where, job, options) => within(where, (session) => why(session, job, options)),
    cancel: (where, jobs, options) => within(where, (session) => cancel(session, jobs, options)),
    top: (where, options) => within(where, (session) => top(session, options)),
    doctor: (where, options) => within(where, (session) => doctor(session, options)),
    completion: (shell) => host.out.write(scriptOf(shell)),
    version: (where, options) =>
      options.client === true
        ? clientVersion(host, version, options)
        : within(where, (session) => allVersions(session, version, options)),
  }
}

/** The exit code of an error, after its message. */
async function reported(error: unknown, host: Host): Promise<ExitCode> {
  // It has printed its message itself.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
  if (host.signal.aborted) return exitCodes.interrupted
  const { message, code } = failureOf(error)
  await host.err.write(`error: ${plain(message)}\n`)
  return code
}

function failureOf(error: unknown): { message: string; code: ExitCode } {
  if (error instanceof Failure) return error
  if (error instanceof NotFound && lacksKind(error)) {
    return failing(`${error.message}; "kubectl runnerhub doctor" says what is missing`)
  }
  if (error instanceof NotFound) return { message: error.message, code: exitCodes.notFound }
  if (error instanceof Unauthorized) return failing(`the API server does not know you: ${error.message}`)
  if (error instanceof Forbidden) return failing(`you may not do this: ${error.message}`)
  if (error instanceof ApiError) return failing(error.message)
  if (error instanceof Unreachable) return failing(`the API server does not answer: ${causeOf(error)}`)
  return failing(error instanceof Error ? error.message : String(error))
}

function failing(message: string): { message: string; code: ExitCode } {
  return { message, code: exitCodes.failed }
}

/** Whether the API server does not have the kind at all. Its text says so, or is no Status. */
function lacksKind({ message }: NotFound): boolean {
  return message.includes('could not find the requested resource') || message.startsWith('HTTP 404')
}

function causeOf({ message, cause }: Unreachable): string {
  return cause instanceof Error && cause.message !== message ? `${message} (${cause.message})` : message
}
