import { isIP } from 'node:net'

/** One setting: a command line flag, an environment variable, and what it means. */
interface Setting<T, D extends string | undefined> {
  env: string
  default: D
  help: string
  parse: Parser<T>
}

/** Reads one value, or throws an Error that says what is allowed; the same as a JSON schema, for those who check early. */
interface Parser<T> {
  (text: string): T
  schema: ValueSchema
}

/** The values that a setting takes, where they are written as JSON or YAML. */
export type ValueSchema =
  | { type: 'string' | 'boolean' }
  | { type: 'string'; enum: string[] }
  | { type: 'integer'; minimum: number; maximum: number }

function setting<T, D extends string | undefined>(
  env: string,
  fallback: D,
  help: string,
  parse: Parser<T>,
): Setting<T, D> {
  return { env, default: fallback, help, parse }
}

const text: Parser<string> = Object.assign((value: string): string => value, { schema: { type: 'string' } as const })

function wholeNumber(lowest: number, highest: number): Parser<number> {
  const parse = (value: string): number => {
    const number = Number(value)
    if (/^\d+$/.test(value) && number >= lowest && number <= highest) return number
    throw new Error(`must be a whole number from ${lowest} to ${highest}`)
  }
  return Object.assign(parse, { schema: { type: 'integer', minimum: lowest, maximum: highest } as const })
}

function oneOf<const T extends string>(...allowed: T[]): Parser<T> {
  const parse = (value: string): T => {
    const found = allowed.find((word) => word === value)
    if (found === undefined) throw new Error(`must be one of ${allowed.join(', ')}`)
    return found
  }
  const isYesOrNo = allowed.every((word) => word === 'true' || word === 'false')
  return Object.assign(parse, {
    schema: isYesOrNo ? ({ type: 'boolean' } as const) : ({ type: 'string', enum: [...allowed] } as const),
  })
}

/** Addresses and networks, with commas between; an address alone is a network of one. */
const networks: Parser<{ address: string; prefix: number }[]> = Object.assign(
  (value: string) =>
    split(value).map((word) => {
      const [address = '', bits] = word.split('/')
      const longest = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1
      const prefix = Number(bits ?? longest)
      if (prefix > longest || (bits !== undefined && !/^\d{1,3}$/.test(bits)) || longest < 0) {
        throw new Error(`must be addresses like 10.0.0.0/8 or fd00::1, with commas between; "${word}" is none`)
      }
      return { address, prefix }
    }),
  { schema: { type: 'string' } as const },
)

/** The path of a URL, without a slash at its end; parts that mean themselves in every URL. */
const basePath: Parser<string> = Object.assign(
  (value: string): string => {
    if (/^(\/(?!\.{1,2}(\/|$))[A-Za-z0-9._~-]+)*\/?$/.test(value) && value.length <= 256)
      return value.replace(/\/$/, '')
    throw new Error('must be a path such as /runnerhub, of letters, digits and -._~ between slashes')
  },
  { schema: { type: 'string' } as const },
)

const words: Parser<string[]> = Object.assign(split, { schema: { type: 'string' } as const })

function split(value: string): string[] {
  const parts = value.split(',').map((part) => part.trim())
  return parts.filter((part) => part !== '')
}

/** Origins as browsers send them, or '*'. */
const origins: Parser<readonly string[]> = Object.assign(
  (value: string): readonly string[] => {
    const all = value.split(',').map((origin) => origin.trim())
    const isGood = (origin: string): boolean =>
      origin === '*' || (/^https?:/.test(origin) && originOf(origin) === origin)
    if (all.every(isGood)) return all
    throw new Error('must be origins such as https://example.com, with commas between them, or *')
  },
  { schema: { type: 'string' } as const },
)

function originOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).origin : undefined
}

/** Every setting, with its default. A flag (--http-port=3000) wins over the environment (HTTP_PORT=3000). */
const settings = {
  roles: setting(
    'ROLES',
    'both',
    'what this process does: controllers, facade or both',
    oneOf('both', 'controllers', 'facade'),
  ),
  namespace: setting('POD_NAMESPACE', 'runnerhub', 'namespace whose jobs are managed', text),
  identity: setting('POD_NAME', undefined, 'name in the Lease; if not given, the host name with a random part', text),
  httpPort: setting('HTTP_PORT', '3000', 'port of the REST API', wholeNumber(0, 65_535)),
  realtimePort: setting('REALTIME_PORT', '3001', 'port of WebSocket and Socket.IO', wholeNumber(0, 65_535)),
  realtimeAnonymous: setting(
    'REALTIME_ANONYMOUS',
    'false',
    'true: realtime connections need no token',
    oneOf('false', 'true'),
  ),
  realtimeOrigins: setting(
    'REALTIME_ORIGINS',
    undefined,
    'with REALTIME_ANONYMOUS: origins whose pages need no token, with commas between; * is all; else those of localhost, and of this host where its name is an address or one of the cluster',
    origins,
  ),
  reauthoriseSeconds: setting(
    'REAUTHORISE_SECONDS',
    '60',
    'how often the rights of realtime connections and followed logs are checked again',
    wholeNumber(1, 86_400),
  ),
  realtimeMaxPerCaller: setting(
    'REALTIME_MAX_PER_CALLER',
    '1000',
    'realtime connections that one caller may have open',
    wholeNumber(1, 1e6),
  ),
  logStreamsPerCaller: setting(
    'LOG_STREAMS_PER_CALLER',
    '50',
    'logs that one caller may follow at a time',
    wholeNumber(1, 1e6),
  ),
  tokenFile: setting('TOKEN_FILE', undefined, 'file of static tokens: token,user,uid,"groups" a line', text),
  tokenAudience: setting('TOKEN_AUDIENCE', 'runnerhub', 'audience that Kubernetes tokens must be made for', text),
  authCacheSeconds: setting(
    'AUTH_CACHE_SECONDS',
    '10',
    'how long the API server’s word on a token or a right counts; a refusal a fifth of it',
    wholeNumber(0, 300),
  ),
  rateLimitMax: setting('RATE_LIMIT_MAX', '100', 'requests to /api per client address and window', wholeNumber(1, 1e9)),
  rateLimitWindowSeconds: setting('RATE_LIMIT_WINDOW_SECONDS', '900', 'length of that window', wholeNumber(1, 86_400)),
  trustedProxies: setting(
    'TRUSTED_PROXIES',
    undefined,
    'proxies whose X-Forwarded-For says who is calling, and X-Forwarded-Prefix where, as addresses or CIDRs with commas between',
    networks,
  ),
  basePath: setting(
    'BASE_PATH',
    undefined,
    'path below which callers find the API, where a proxy in front strips it, such as /runnerhub; X-Forwarded-Prefix of TRUSTED_PROXIES wins',
    basePath,
  ),
  corsOrigins: setting(
    'CORS_ORIGINS',
    undefined,
    'origins whose scripts browsers may let call the API, with commas between them; * is all; none if not given',
    origins,
  ),
  headersTimeoutSeconds: setting(
    'HEADERS_TIMEOUT_SECONDS',
    '10',
    'how long the headers of a request may take to arrive',
    wholeNumber(1, 3600),
  ),
  requestTimeoutSeconds: setting(
    'REQUEST_TIMEOUT_SECONDS',
    '30',
    'how long a whole request may take to arrive; not less than its headers',
    wholeNumber(1, 3600),
  ),
  idempotencyWindowSeconds: setting(
    'IDEMPOTENCY_WINDOW_SECONDS',
    '300',
    'how long a repeated delegation gets the same job even when it has finished',
    wholeNumber(0, 86_400),
  ),
  heartbeatSeconds: setting(
    'HEARTBEAT_SECONDS',
    '60',
    'how often proxy runners say that they are there; after three that do not come they are offline',
    wholeNumber(1, 3600),
  ),
  proxyForgetSeconds: setting(
    'PROXY_FORGET_SECONDS',
    '86400',
    'how long a proxy runner that is offline stays registered',
    wholeNumber(1, 31_536_000),
  ),
  maxProxies: setting('MAX_PROXIES', '10000', 'most proxy runners that are registered', wholeNumber(0, 10_000)),
  workers: setting('WORKERS', '48', 'reconciles at a time', wholeNumber(1, 1000)),
  startTroubleSeconds: setting(
    'START_TROUBLE_SECONDS',
    '60',
    'how long a pod that is refused, or that lacks something that somebody has to mend, is waited for before the job fails',
    wholeNumber(0, 86_400),
  ),
  leaseName: setting('LEASE_NAME', 'runnerhub', 'Lease by which the leader is elected', text),
  leaseSeconds: setting(
    'LEASE_SECONDS',
    '15',
    'how long a leader that went silent is waited for',
    wholeNumber(2, 3600),
  ),
  logLevel: setting('LOG_LEVEL', 'info', 'least level that is logged', oneOf('debug', 'info', 'warn', 'error')),
  task: setting(
    'TASK',
    undefined,
    'does this once and ends, in place of serving: apply-crds, clean-up (before it is uninstalled) or try-a-job',
    oneOf('apply-crds', 'clean-up', 'try-a-job'),
  ),
  taskSeconds: setting('TASK_SECONDS', '100', 'how long that may take', wholeNumber(1, 86_400)),
  taskDeployment: setting('TASK_DEPLOYMENT', 'runnerhub', 'for clean-up: the Deployment of the operator', text),
  taskUrl: setting('TASK_URL', 'http://runnerhub:3000', 'for try-a-job: where the REST API is', text),
  taskLabels: setting('TASK_LABELS', 'self-hosted', 'for try-a-job: what the job asks for, with commas between', words),
  kubeconfig: setting(
    'KUBECONFIG',
    undefined,
    'kubeconfig file, or several with colons between; inside a cluster it is not needed',
    text,
  ),
  kubeContext: setting('KUBE_CONTEXT', undefined, 'context in the kubeconfig', text),
  apiHost: setting('KUBERNETES_SERVICE_HOST', undefined, 'API server, as the kubelet tells it', text),
  apiPort: setting('KUBERNETES_SERVICE_PORT', '443', 'its port', text),
  serviceAccountDirectory: setting(
    'SERVICE_ACCOUNT_DIRECTORY',
    '/var/run/secrets/kubernetes.io/serviceaccount',
    'where token and ca.crt are mounted',
    text,
  ),
} as const

type Settings = typeof settings
type ValueOf<S> = S extends Setting<infer T, infer D> ? (undefined extends D ? T | undefined : T) : never

/** Values of all settings. Those without a default are undefined when not given. */
export type Config = { [K in keyof Settings]: ValueOf<Settings[K]> }

/** All that is wrong with a configuration, a line each. */
export class BadConfig extends Error {
  override name = 'BadConfig'
}

/** Reads flags and environment. Throws BadConfig naming every bad or unknown setting at once. */
export function readConfig(args: readonly string[], env: NodeJS.ProcessEnv): Config {
  const flags = new Map(args.map(flagOf))
  const problems = args.filter((arg) => !arg.includes('=')).map((arg) => `${arg}: settings are given as --name=value`)
  const config: Record<string, unknown> = {}
  for (const [name, { env: variable, default: fallback, parse }] of Object.entries(settings)) {
    const flag = `--${kebab(name)}`
    const given = flags.get(flag) ?? env[variable]
    flags.delete(flag)
    const value = given === undefined || given === '' ? fallback : given
    try {
      config[name] = value === undefined ? undefined : parse(value)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      problems.push(`${flag} (${variable}) is ${JSON.stringify(value)}: ${why}`)
    }
  }
  for (const flag of flags.keys()) if (!args.includes(flag)) problems.push(`${flag}: no such setting`)
  if (problems.length > 0) throw new BadConfig(problems.join('\n'))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each key was set above, from its own parser
  return config as Config
}

/** A setting, for programs that pass settings on. */
export interface SettingDescription {
  name: string
  env: string
  default: string | undefined
  help: string
  schema: ValueSchema
}

/** Every setting, by its name and its environment variable. */
export function describeSettings(): SettingDescription[] {
  return Object.entries(settings).map(([name, { env, default: fallback, help, parse }]) => {
    return { name, env, default: fallback, help, schema: parse.schema }
  })
}

function flagOf(arg: string): [string, string] {
  const equals = arg.indexOf('=')
  return equals < 0 ? [arg, ''] : [arg.slice(0, equals), arg.slice(equals + 1)]
}

function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** Text of --help. */
export function helpText(): string {
  const rows = Object.entries(settings).map(([name, { env, default: fallback, help }]) => {
    const shown = fallback === undefined ? '' : ` [${fallback}]`
    return `  --${kebab(name)}=…  (${env})${shown}\n        ${help}`
  })
  return `usage: runnerhub [--setting=value …]\n\n${rows.join('\n')}\n`
}
