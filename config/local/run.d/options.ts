import { BadConfig, readConfig } from '../../../src/config.ts'
import { passableSettings, whyNotPassable } from './operator-settings.ts'

/** The options of `make run`. */
export interface RunOptions {
  namespace: string
  httpPort: number
  realtimePort: number
  /** End after the demonstration. */
  once: boolean
  /** An operator image that the cluster can pull; otherwise one is built. */
  image?: string
  /** Image of the default pool's jobs; default: the image that the cluster offers. */
  runnerImage?: string
  /** Logs go to an S3 server that is started in the cluster. */
  startsS3?: true
  /** Settings of the operator, by environment variable. */
  settings: Record<string, string>
}

/** Every wrong option, a line each. */
export class BadOptions extends Error {
  override name = 'BadOptions'
}

const ownNames = ['RUN_NAMESPACE', 'RUN_HTTP_PORT', 'RUN_REALTIME_PORT', 'RUN_ONCE', 'IMAGE', 'RUNNER_IMAGE']

/** Variables of the programs that this starts: the builder, and config/local/cluster. */
const readByOthers = /^(BASE_IMAGE|IMAGE_ARCHIVE|XDG_CACHE_HOME|RUNNERHUB_[A-Z_]+)$/

/**
 * Reads options as NAME=VALUE, from this program's arguments or make's. Its own options may also come from the
 * environment; the operator's settings may not, since a name like LOG_LEVEL may be meant for another program.
 */
export function readOptions(args: readonly string[], env: NodeJS.ProcessEnv): RunOptions {
  const problems: string[] = []
  const given = { ...givenToMake(env), ...givenAsArguments(args, problems) }
  const own = Object.fromEntries(ownNames.map((name) => [name, given[name] ?? env[name] ?? '']))
  const passable = new Set(passableSettings().map((setting) => setting.env))
  const settings = Object.fromEntries(
    Object.entries(given).filter(([name, value]) => passable.has(name) && value !== ''),
  )
  // Without a bucket of the caller, one is made.
  const startsS3 = settings['LOG_ARCHIVE'] === 's3' && settings['LOG_ARCHIVE_BUCKET'] === undefined
  if (startsS3) delete settings['LOG_ARCHIVE']
  for (const name of Object.keys(given)) problems.push(...problemsOfName(name, passable))
  problems.push(...problemsOfSettings(settings))
  const namespace = own['RUN_NAMESPACE'] || 'runnerhub'
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(namespace))
    problems.push('RUN_NAMESPACE must be a valid namespace name')
  const httpPort = port('RUN_HTTP_PORT', own['RUN_HTTP_PORT'] || '3000', problems)
  const realtimePort = port('RUN_REALTIME_PORT', own['RUN_REALTIME_PORT'] || '3001', problems)
  if (problems.length > 0) throw new BadOptions(problems.join('\n'))
  const once = !['', '0', 'no', 'false'].includes(own['RUN_ONCE'] ?? '')
  const image = own['IMAGE'] ? { image: own['IMAGE'] } : {}
  const runnerImage = own['RUNNER_IMAGE'] ? { runnerImage: own['RUNNER_IMAGE'] } : {}
  return { namespace, httpPort, realtimePort, once, settings, ...image, ...runnerImage, ...(startsS3 && { startsS3 }) }
}

/** Make lists the names in MAKEFLAGS, behind a double hyphen, and puts the values into the environment. */
function givenToMake(env: NodeJS.ProcessEnv): Record<string, string> {
  const [, variables = ''] = ` ${env['MAKEFLAGS'] ?? ''}`.split(/ -- (.*)/s)
  const names = [...variables.matchAll(/(?:^|(?<!\\)\s)([A-Za-z_][A-Za-z0-9_]*)=/g)].map(([, name = '']) => name)
  return Object.fromEntries(names.map((name) => [name, env[name] ?? '']))
}

function givenAsArguments(args: readonly string[], problems: string[]): Record<string, string> {
  const given: Record<string, string> = {}
  for (const arg of args) {
    const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(arg) ?? []
    if (name === undefined || value === undefined) problems.push(`${arg}: settings must be given as NAME=VALUE`)
    else given[name] = value
  }
  return given
}

function problemsOfName(name: string, passable: ReadonlySet<string>): string[] {
  if (passable.has(name) || ownNames.includes(name) || readByOthers.test(name)) return []
  const why = whyNotPassable(name)
  return [why === undefined ? `${name}: no such setting` : `${name} cannot be set here: ${why}`]
}

function problemsOfSettings(settings: Record<string, string>): string[] {
  try {
    readConfig([], settings)
    return []
  } catch (error) {
    if (error instanceof BadConfig) return error.message.split('\n')
    throw error
  }
}

function port(name: string, text: string, problems: string[]): number {
  const number = Number(text)
  if (!/^\d+$/.test(text) || number < 1 || number > 65_535) problems.push(`${name} must be a port, not ${text}`)
  return number
}
