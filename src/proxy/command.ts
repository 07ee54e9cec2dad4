import { resolve } from 'node:path'
import { examine } from './install/doctor.ts'
import { wordsOf } from './hub/hub.ts'
import { CommandFailed, install, uninstall } from './install/installation.ts'
import { runnerFolder } from './install/runner-folder.ts'

export interface CommandResult {
  code: number
  out: string
  err: string
}

interface Context {
  /** Path of this program. */
  program: string
  env: Readonly<Record<string, string | undefined>>
}

const help = `Usage: runnerhub-worker COMMAND DIR

Hands the jobs of a GitHub runner over to RunnerHub. DIR is the folder in which the runner is installed.

  install DIR     put this program in place of bin/Runner.Worker, which is kept; the runner must have been configured
                  with --disableupdate, or not yet
  uninstall DIR   put the runner's own Worker back
  doctor DIR      say what is wrong, and change nothing

Settings, in DIR/.env or in the environment of the runner:

  RUNNERHUB_URL                address of the hub, such as https://runnerhub.example.com
  RUNNERHUB_TOKEN_FILE         file with the token; it may be replaced at any time
  RUNNERHUB_CA_FILE            certificates that the hub's must be signed by, in PEM
  RUNNERHUB_REALTIME_URL       address of the hub's events; beside port 3000 it is port 3001
  RUNNERHUB_LABELS             what a pool must offer, separated by commas
  RUNNERHUB_ON_UNREACHABLE     fail (default), or local: such jobs run on the proxy
  RUNNERHUB_RETRY_SECONDS      how long a hand-over is tried (60)
  RUNNERHUB_LOST_SECONDS       how long the hub may be away while a job runs (900)
  RUNNERHUB_HEARTBEAT_SECONDS  how often the proxy says that it is there (60)
  RUNNERHUB_ORPHAN_SECONDS     how long a job goes on whose Listener is gone (600)
`

/** Runs a command for people, and says what to print. */
export async function runCommand(args: readonly string[], context: Context): Promise<CommandResult> {
  if (args.some((arg) => arg === '--help' || arg === '-h') || args[0] === 'help') return { code: 0, out: help, err: '' }
  const [name = '', folder, ...others] = args
  if (!['install', 'uninstall', 'doctor'].includes(name))
    return misused(name === '' ? 'no command' : `no command ${name}`)
  if (folder === undefined || folder === '' || folder.startsWith('-')) return misused(`${name} needs a folder`)
  if (others.length > 0) return misused(`${name} takes one folder, and nothing else`)
  const runner = runnerFolder(resolve(folder))
  try {
    if (name === 'doctor') return report(await examine(runner, context.program, context.env))
    const lines = name === 'install' ? await install(runner, context.program) : await uninstall(runner)
    return { code: 0, out: lines.map((line) => `${line}\n`).join(''), err: '' }
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error
    return { code: 1, out: '', err: `runnerhub-worker: ${wordsOf(error)}\n` }
  }
}

function misused(why: string): CommandResult {
  return { code: 2, out: '', err: `runnerhub-worker: ${why}; see runnerhub-worker --help\n` }
}

function report(findings: readonly { isGood: boolean; text: string }[]): CommandResult {
  const lines = findings.map(({ isGood, text }) => `${isGood ? 'good' : 'BAD '}  ${text}\n`)
  return { code: findings.every(({ isGood }) => isGood) ? 0 : 1, out: lines.join(''), err: '' }
}
