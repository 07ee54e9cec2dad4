import { isIP } from 'node:net'
import { compilePatterns, type Patterns } from './domain/log/redaction.ts'

/** One setting: a command line flag and an environment variable. */
interface Setting<T, D extends string | undefined> {
  env: string
  default: D
  help: string
  parse: Parser<T>
}

/** Parses one value, or throws an Error with what is allowed. The schema allows early validation of the same values. */
interface Parser<T> {
  (text: string): T
  schema: ValueSchema
}

/** JSON Schema of a setting's values in JSON or YAML. */
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
    const found = allowed.find((candidate) => candidate === value)
    if (found === undefined) throw new Error(`must be one of ${allowed.join(', ')}`)
    return found
  }
  const isYesOrNo = allowed.every((word) => word === 'true' || word === 'false')
  return Object.assign(parse, {
    schema: isYesOrNo ? ({ type: 'boolean' } as const) : ({ type: 'string', enum: [...allowed] } as const),
  })
}

/** Comma-separated addresses and networks; a single address is a network of one. Unlike ipaddr.js, isIP rejects lax forms. */
const networks: Parser<{ address: string; prefix: number }[]> = Object.assign(
  (value: string) =>
    split(value).map((word) => {
      const [address = '', bits] = word.split('/')
      const longest = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1
      const prefix = Number(bits ?? longest)
      if (prefix > longest || (bits !== undefined && !/^\d{1,3}$/.test(bits)) || longest < 0) {
        throw new Error(
          `must be comma-separated addresses or networks such as fd00::1 or 10.0.0.0/8, "${word}" is neither`,
        )
      }
      return { address, prefix }
    }),
  { schema: { type: 'string' } as const },
)

/** A URL path without a trailing slash, of segments that need no escaping. */
const basePath: Parser<string> = Object.assign(
  (value: string): string => {
    if (/^(\/(?!\.{1,2}(\/|$))[A-Za-z0-9._~-]+)*\/?$/.test(value) && value.length <= 256)
      return value.replace(/\/$/, '')
    throw new Error('must be a path such as /runnerhub, of letters, digits and -._~ between slashes')
  },
  { schema: { type: 'string' } as const },
)

const words: Parser<string[]> = Object.assign(split, { schema: { type: 'string' } as const })

/** An address over HTTP. */
const httpUrl: Parser<string> = Object.assign(
  (value: string): string => {
    if (/^https?:\/\//.test(value) && URL.canParse(value)) return value
    throw new Error('must be a URL such as https://s3.example.com')
  },
  { schema: { type: 'string' } as const },
)

/** Regular expressions of RE2, one per line. */
const patterns: Parser<Patterns> = Object.assign(
  (value: string): Patterns => compilePatterns(value.split('\n').filter((line) => line.trim() !== '')),
  { schema: { type: 'string' } as const },
)

function split(value: string): string[] {
  const parts = value.split(',').map((part) => part.trim())
  return parts.filter((part) => part !== '')
}

/** Comma-separated origins as browsers send them, or '*'. */
const origins: Parser<readonly string[]> = Object.assign(
  (value: string): readonly string[] => {
    const all = value.split(',').map((origin) => origin.trim())
    const isGood = (origin: string): boolean =>
      origin === '*' || (/^https?:/.test(origin) && originOf(origin) === origin)
    if (all.every(isGood)) return all
    throw new Error('must be comma-separated origins such as https://example.com, or *')
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
    'roles of this process: controllers, facade or both',
    oneOf('both', 'controllers', 'facade'),
  ),
  namespace: setting('POD_NAMESPACE', 'runnerhub', 'namespace of the managed jobs', text),
  identity: setting(
    'POD_NAME',
    undefined,
    'identity in the Lease; by default the host name with a random suffix',
    text,
  ),
  httpPort: setting('HTTP_PORT', '3000', 'port of the REST API', wholeNumber(0, 65_535)),
  realtimePort: setting('REALTIME_PORT', '3001', 'port of WebSocket and Socket.IO', wholeNumber(0, 65_535)),
  realtimeAnonymous: setting(
    'REALTIME_ANONYMOUS',
    'false',
    'true: accept realtime connections without a token',
    oneOf('false', 'true'),
  ),
  realtimeOrigins: setting(
    'REALTIME_ORIGINS',
    undefined,
    'with REALTIME_ANONYMOUS: comma-separated origins whose pages need no token, * for all; by default those of localhost, and of this host if its name is an address or a name in the cluster',
    origins,
  ),
  reauthoriseSeconds: setting(
    'REAUTHORISE_SECONDS',
    '60',
    'period of the permission checks of realtime connections and followed logs',
    wholeNumber(1, 86_400),
  ),
  realtimeMaxPerCaller: setting(
    'REALTIME_MAX_PER_CALLER',
    '1000',
    'limit of open realtime connections per caller',
    wholeNumber(1, 1e6),
  ),
  logStreamsPerCaller: setting(
    'LOG_STREAMS_PER_CALLER',
    '50',
    'limit of followed logs per caller',
    wholeNumber(1, 1e6),
  ),
  logArchive: setting(
    'LOG_ARCHIVE',
    'cluster',
    'where logs are kept once their pods are gone: cluster (ConfigMaps that go with their job), s3, volume or none',
    oneOf('cluster', 's3', 'volume', 'none'),
  ),
  logArchiveAttemptMib: setting(
    'LOG_ARCHIVE_ATTEMPT_MIB',
    '256',
    'for s3 and volume: limit of one log, packed, in MiB; its beginning and its end are kept',
    wholeNumber(1, 65_536),
  ),
  logArchiveTtlSeconds: setting(
    'LOG_ARCHIVE_TTL_SECONDS',
    '0',
    'for s3 and volume: how long a log is kept, counted from its end, if its job is deleted earlier',
    wholeNumber(0, 315_360_000),
  ),
  logArchiveFolder: setting('LOG_ARCHIVE_FOLDER', undefined, 'for volume: the folder, which all replicas mount', text),
  logArchiveBucket: setting('LOG_ARCHIVE_BUCKET', undefined, 'for s3: the bucket', text),
  logArchivePrefix: setting('LOG_ARCHIVE_PREFIX', undefined, 'for s3: what all keys begin with', text),
  logArchiveRegion: setting('LOG_ARCHIVE_REGION', 'us-east-1', 'for s3: the region', text),
  logArchiveEndpoint: setting('LOG_ARCHIVE_ENDPOINT', undefined, 'for s3: URL of a server other than AWS', httpUrl),
  logArchivePathStyle: setting(
    'LOG_ARCHIVE_PATH_STYLE',
    'false',
    'for s3: the bucket is in the path of a URL, and not in its host',
    oneOf('false', 'true'),
  ),
  logArchiveCaFile: setting('LOG_ARCHIVE_CA_FILE', undefined, 'for s3: file of the certificates to trust', text),
  logArchiveEncryption: setting(
    'LOG_ARCHIVE_ENCRYPTION',
    undefined,
    'for s3: how the server encrypts logs; by default as the bucket is set',
    oneOf('AES256', 'aws:kms'),
  ),
  logArchiveKmsKey: setting('LOG_ARCHIVE_KMS_KEY', undefined, 'for s3 with aws:kms: ID of the key', text),
  logArchiveClusterMib: setting(
    'LOG_ARCHIVE_CLUSTER_MIB',
    '64',
    'limit of all logs in ConfigMaps, in MiB; the oldest go first',
    wholeNumber(1, 1024),
  ),
  logCaptureSeconds: setting(
    'LOG_CAPTURE_SECONDS',
    '30',
    'how long after the end of its container a pod may be held for its log',
    wholeNumber(1, 3600),
  ),
  logCaptureStreams: setting(
    'LOG_CAPTURE_STREAMS',
    '1000',
    'limit of the logs of running pods that are read at a time for the archive',
    wholeNumber(1, 100_000),
  ),
  logRedactPatterns: setting(
    'LOG_REDACT_PATTERNS',
    undefined,
    'what logs must not show besides common tokens: regular expressions of RE2, one per line',
    patterns,
  ),
  tokenFile: setting('TOKEN_FILE', undefined, 'file of static tokens, one token,user,uid,"groups" per line', text),
  tokenAudience: setting('TOKEN_AUDIENCE', 'runnerhub', 'audience that Kubernetes tokens must be issued for', text),
  authCacheSeconds: setting(
    'AUTH_CACHE_SECONDS',
    '10',
    'cache TTL of token and access reviews; denials are cached for a fifth of it',
    wholeNumber(0, 300),
  ),
  rateLimitMax: setting('RATE_LIMIT_MAX', '100', 'requests to /api per client address and window', wholeNumber(1, 1e9)),
  rateLimitWindowSeconds: setting(
    'RATE_LIMIT_WINDOW_SECONDS',
    '900',
    'length of the rate limit window',
    wholeNumber(1, 86_400),
  ),
  maxRequests: setting(
    'MAX_REQUESTS',
    '1000',
    'limit of the calls that are worked on at a time; further ones get 503',
    wholeNumber(1, 100_000),
  ),
  maxLoopDelayMs: setting(
    'MAX_LOOP_DELAY_MS',
    '1000',
    'average delay of the event loop from which calls get 503, in milliseconds',
    wholeNumber(50, 60_000),
  ),
  trustedProxies: setting(
    'TRUSTED_PROXIES',
    undefined,
    'proxies whose X-Forwarded-For and X-Forwarded-Prefix are trusted, as comma-separated addresses or CIDRs',
    networks,
  ),
  basePath: setting(
    'BASE_PATH',
    undefined,
    'path prefix at which callers find the API behind a proxy, such as /runnerhub; the proxy may strip it or leave it. X-Forwarded-Prefix from TRUSTED_PROXIES takes precedence',
    basePath,
  ),
  page: setting(
    'PAGE',
    'true',
    'true: serve the page that shows the jobs, at / of the REST API',
    oneOf('false', 'true'),
  ),
  corsOrigins: setting(
    'CORS_ORIGINS',
    undefined,
    'comma-separated origins whose scripts may call the API from a browser, * for all; none by default',
    origins,
  ),
  headersTimeoutSeconds: setting(
    'HEADERS_TIMEOUT_SECONDS',
    '10',
    'timeout for receiving the headers of a request',
    wholeNumber(1, 3600),
  ),
  requestTimeoutSeconds: setting(
    'REQUEST_TIMEOUT_SECONDS',
    '30',
    'timeout for receiving a whole request; at least that of its headers',
    wholeNumber(1, 3600),
  ),
  idempotencyWindowSeconds: setting(
    'IDEMPOTENCY_WINDOW_SECONDS',
    '300',
    'how long a repeated delegation with an Idempotency-Key gets the same job even if it has finished',
    wholeNumber(0, 86_400),
  ),
  driftAuditSeconds: setting(
    'DRIFT_AUDIT_SECONDS',
    '45',
    'how often the leader compares jobs, Runners, pods, messages and logs with each other',
    wholeNumber(1, 3600),
  ),
  heartbeatSeconds: setting(
    'HEARTBEAT_SECONDS',
    '60',
    'period of proxy runner heartbeats; after three missed ones a runner is offline',
    wholeNumber(1, 3600),
  ),
  proxyForgetSeconds: setting(
    'PROXY_FORGET_SECONDS',
    '86400',
    'how long an offline proxy runner stays registered',
    wholeNumber(1, 31_536_000),
  ),
  metricsRepositories: setting(
    'METRICS_REPOSITORIES',
    '20',
    'repositories with series of their own in metrics of requested resources; the others share the label "other"',
    wholeNumber(0, 500),
  ),
  maxProxies: setting('MAX_PROXIES', '10000', 'limit of registered proxy runners', wholeNumber(0, 10_000)),
  workers: setting('WORKERS', '48', 'concurrent reconciles', wholeNumber(1, 1000)),
  startTroubleSeconds: setting(
    'START_TROUBLE_SECONDS',
    '60',
    'how long a job waits for a pod that is rejected, or that cannot start until somebody intervenes, before it fails',
    wholeNumber(0, 86_400),
  ),
  leaseName: setting('LEASE_NAME', 'runnerhub', 'Lease of the leader election', text),
  leaseSeconds: setting(
    'LEASE_SECONDS',
    '15',
    'duration of the Lease: how long a silent leader stays leader',
    wholeNumber(2, 3600),
  ),
  logLevel: setting('LOG_LEVEL', 'info', 'lowest log level', oneOf('debug', 'info', 'warn', 'error')),
  task: setting(
    'TASK',
    undefined,
    'run a one-off task and exit: apply-crds, clean-up (before uninstalling) or try-a-job',
    oneOf('apply-crds', 'clean-up', 'try-a-job'),
  ),
  taskSeconds: setting('TASK_SECONDS', '100', 'timeout of the task', wholeNumber(1, 86_400)),
  taskDeployment: setting('TASK_DEPLOYMENT', 'runnerhub', 'for clean-up: Deployment of the operator', text),
  taskUrl: setting('TASK_URL', 'http://runnerhub:3000', 'for try-a-job: URL of the REST API', text),
  taskLabels: setting('TASK_LABELS', 'self-hosted', 'for try-a-job: comma-separated labels of the job', words),
  kubeconfig: setting(
    'KUBECONFIG',
    undefined,
    'kubeconfig file, or several separated by colons; not needed inside a cluster',
    text,
  ),
  kubeContext: setting('KUBE_CONTEXT', undefined, 'context in the kubeconfig', text),
  apiHost: setting('KUBERNETES_SERVICE_HOST', undefined, 'host of the API server; the kubelet sets it', text),
  apiPort: setting('KUBERNETES_SERVICE_PORT', '443', 'port of the API server', text),
  serviceAccountDirectory: setting(
    'SERVICE_ACCOUNT_DIRECTORY',
    '/var/run/secrets/kubernetes.io/serviceaccount',
    'directory with the mounted token and ca.crt',
    text,
  ),
} as const

/** What the places for logs cannot do without. */
const archiveNeeds = [
  ['s3', 'logArchiveBucket'],
  ['volume', 'logArchiveFolder'],
] as const

type Settings = typeof settings
type ValueOf<S> = S extends Setting<infer T, infer D> ? (undefined extends D ? T | undefined : T) : never

/** Values of all settings. Those without a default are undefined when not given. */
export type Config = { [K in keyof Settings]: ValueOf<Settings[K]> }

/** All problems of a configuration, one per line. */
export class BadConfig extends Error {
  override name = 'BadConfig'
}

/** Reads flags and environment. Throws BadConfig with every invalid or unknown setting at once. */
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
  for (const [store, needed] of archiveNeeds) {
    if (config['logArchive'] === store && config[needed] === undefined)
      problems.push(`--${kebab(needed)}: LOG_ARCHIVE=${store} needs it`)
  }
  if (problems.length > 0) throw new BadConfig(problems.join('\n'))
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each key was set above, from its own parser
  return config as Config
}

/** Description of a setting, for programs that pass settings on. */
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
