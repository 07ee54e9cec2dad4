/** Settings of the proxy, all of which come from the environment: the runner's own, or its file `.env`. */
export interface Settings {
  /** Where the hub's REST API is; a path prefix may be part of it. */
  url: URL
  /** Where its events are; without it the end of a job is asked for. */
  realtimeUrl?: URL
  tokenFile: string
  caFile?: string
  labels: string[]
  onUnreachable: 'fail' | 'local'
  /** How long a delegation is tried again. */
  retryMs: number
  /** How long the hub may be unreachable while a job runs. */
  lostMs: number
  heartbeatMs: number
  /** How long a job goes on whose Listener is gone. */
  orphanMs: number
}

/** A setting is missing or cannot be used; the message names it. */
export class BadSettings extends Error {
  override name = 'BadSettings'
}

type Env = Readonly<Record<string, string | undefined>>

const PREFIX = 'RUNNERHUB_'

/** Where the realtime server listens, beside a REST server on the other. */
const ports = { rest: '3000', realtime: '3001' }

/** Reads the settings; BadSettings with the name of the first that cannot be used. */
export function settingsOf(env: Env): Settings {
  const url = address(env, 'URL', /^https?:$/)
  if (url === undefined) throw new BadSettings('RUNNERHUB_URL is not set: it is the address of the hub')
  const tokenFile = value(env, 'TOKEN_FILE')
  if (tokenFile === undefined) throw new BadSettings('RUNNERHUB_TOKEN_FILE is not set: it is the file with the token')
  const realtimeUrl = address(env, 'REALTIME_URL', /^wss?:$/) ?? realtimeBeside(url)
  const caFile = value(env, 'CA_FILE')
  const onUnreachable = value(env, 'ON_UNREACHABLE') ?? 'fail'
  if (onUnreachable !== 'fail' && onUnreachable !== 'local') {
    throw new BadSettings(`RUNNERHUB_ON_UNREACHABLE must be fail or local, and is '${onUnreachable}'`)
  }
  const labels = (value(env, 'LABELS') ?? '').split(',').map((label) => label.trim())
  return {
    url,
    tokenFile,
    labels: labels.filter((label) => label !== ''),
    onUnreachable,
    retryMs: seconds(env, 'RETRY_SECONDS', 60),
    lostMs: seconds(env, 'LOST_SECONDS', 900),
    heartbeatMs: seconds(env, 'HEARTBEAT_SECONDS', 60),
    orphanMs: seconds(env, 'ORPHAN_SECONDS', 600),
    ...(realtimeUrl !== undefined && { realtimeUrl }),
    ...(caFile !== undefined && { caFile }),
  }
}

/** An environment without what is the proxy's own: what a job starts must not inherit it. */
export function withoutOwn(env: Env): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith(PREFIX)))
}

function value(env: Env, name: string): string | undefined {
  const text = env[`${PREFIX}${name}`]?.trim()
  return text === '' ? undefined : text
}

function address(env: Env, name: string, protocols: RegExp): URL | undefined {
  const text = value(env, name)
  if (text === undefined) return undefined
  if (!URL.canParse(text) || !protocols.test(new URL(text).protocol)) {
    throw new BadSettings(`RUNNERHUB_${name} is no address: it must begin with ${name === 'URL' ? 'http' : 'ws'}`)
  }
  const url = new URL(text)
  if (url.username !== '' || url.password !== '') {
    throw new BadSettings(`RUNNERHUB_${name} must hold no user or password: the token is in RUNNERHUB_TOKEN_FILE`)
  }
  return url
}

function realtimeBeside(url: URL): URL | undefined {
  if (url.port !== ports.rest) return undefined
  const beside = new URL('/', url)
  beside.port = ports.realtime
  beside.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  return beside
}

function seconds(env: Env, name: string, otherwise: number): number {
  const text = value(env, name) ?? String(otherwise)
  const number = Number(text)
  if (!/^\d+$/.test(text) || number < 1 || number > 86_400) {
    throw new BadSettings(`RUNNERHUB_${name} must be a whole number of seconds from 1 to 86400`)
  }
  return number * 1000
}
