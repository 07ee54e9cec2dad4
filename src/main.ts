#!/usr/bin/env node
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { agentScript } from './agent/script.ts'
import { archiveOf } from './archive/archive.ts'
import { Authority } from './auth/authority.ts'
import { type ClientOf, clientsBehind, trustedPeers } from './auth/client-address.ts'
import { ConcurrencyLimit } from './auth/concurrency-limit.ts'
import { StaticTokens } from './auth/static-tokens.ts'
import { FixedWindowCounter } from './auth/window-counter.ts'
import { type Caches, makeCaches } from './cluster/caches.ts'
import { BadConfig, type Config, helpText, readConfig } from './config.ts'
import { NamespaceEnd } from './controllers/pod/namespace-end.ts'
import { runControllers } from './controllers/run.ts'
import { Redactor } from './domain/log/redaction.ts'
import { type AppOptions, makeApp } from './http/app.ts'
import { basePaths } from './http/base-path.ts'
import { listen } from './http/listen.ts'
import { LoopDelay } from './http/loop-delay.ts'
import { isLate } from './http/middleware/shedding.ts'
import { makeServer } from './http/server.ts'
import { KubeClient } from './kube/client/client.ts'
import type { Connection } from './kube/connection/connection.ts'
import { fromKubeconfig } from './kube/connection/from-kubeconfig.ts'
import { inCluster } from './kube/connection/in-cluster.ts'
import { NoKubeconfig } from './kube/connection/no-kubeconfig.ts'
import { LeaderElection, type Leadership } from './kube/election/leader-election.ts'
import { systemClock } from './kube/runtime/clock.ts'
import { ClusterClock } from './kube/runtime/cluster-clock.ts'
import { makeLog, plainLog, type RootLog } from './log.ts'
import { Metrics } from './metrics/registry.ts'
import { admission } from './realtime/admission.ts'
import { makeRealtime, type Realtime } from './realtime/server.ts'
import { asksForEvents, preferWebSocket } from './realtime/upgrades.ts'
import { runTask, type Task } from './tasks/run-task.ts'
import { version } from './version.ts'

/** The least correction of the clock that is worth a line of the log. */
const NOTABLE_SKEW_MS = 5000

/** The wall time of everything that this process decides or writes. */
const clock = new ClusterClock(systemClock)

if (process.argv.includes('--help')) {
  process.stdout.write(helpText())
} else {
  await start(process.argv.slice(2), process.env)
}

async function start(args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  let config: Config
  try {
    config = readConfig(args, env)
  } catch (error) {
    if (!(error instanceof BadConfig)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 2
    return
  }
  try {
    await (config.task === undefined ? run(config) : runOnce(config.task, config))
  } catch (error) {
    if (!(error instanceof NoKubeconfig)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 2
  }
}

async function runOnce(task: Task, config: Config): Promise<void> {
  const log = makeLog(config.logLevel)
  const userAgent = `runnerhub-task/${version}`
  try {
    await runTask(task, { config, log, userAgent, connect: () => connectionOf(config) }, stopSignal())
  } catch (error) {
    log.error({ task, err: error }, 'the task is not done')
    process.exitCode = 1
  }
}

/** Aborts on SIGTERM or SIGINT. As process 1 of a container, the process would otherwise ignore them. */
function stopSignal(): AbortSignal {
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort(new Error(name)))
  return stop.signal
}

/**
 * The start grows the young generation of the heap to its limit, and only a last-resort collection shrinks it again; later
 * work lets it grow as needed. Node.js needs --expose-gc for this, which the image sets.
 */
function giveBackMemory(): void {
  globalThis.gc?.({ type: 'major', flavor: 'last-resort', execution: 'sync' })
}

/** Dependencies of both roles. */
interface ProcessDeps {
  config: Config
  log: RootLog
  caches: Caches
  metrics: Metrics
  /** Creates a client with separate connections, whose user agent names the role. */
  clientAs: (role: string) => KubeClient
  signal: AbortSignal
}

async function run(config: Config): Promise<void> {
  const log = makeLog(config.logLevel)
  const signal = stopSignal()
  process.on('unhandledRejection', (error) => log.error({ err: error }, 'unhandled rejection'))
  // The process still exits; this puts the cause in the log.
  process.on('uncaughtExceptionMonitor', (error) => log.error({ err: error }, 'uncaught exception'))

  const connection = await connectionOf(config)
  const metrics = new Metrics({ clock, version })
  const clients: KubeClient[] = []
  const clientAs = (role: string): KubeClient => {
    const client = new KubeClient(connection, {
      userAgent: `runnerhub-${role}/${version}`,
      clock,
      onRequest: metrics.onApiRequest,
      onDate: (date, tookMs) => followServer(log, date, tookMs),
    })
    clients.push(client)
    return client
  }
  const { namespace } = config
  const caches = makeCaches({
    client: clientAs('cache'),
    namespace,
    log,
    metrics: metrics.reflectors,
    mostRepositories: config.metricsRepositories,
  })
  metrics.watch(caches)
  const deps: ProcessDeps = { config, log, caches, metrics, clientAs, signal }
  log.info({ version, roles: config.roles, namespace: config.namespace }, 'started')
  const work = Promise.all([
    ...[...caches.reflectors, caches.ledgerReflector].map((reflector) => reflector.run(signal)),
    config.roles === 'facade' ? undefined : runElection(deps),
    runFacade(deps, { operationsOnly: config.roles === 'controllers' }),
  ])
  giveBackMemory()
  await work
  await Promise.all(clients.map((client) => client.close()))
  log.info({}, 'stopped')
}

function followServer(log: RootLog, date: string, tookMs: number): void {
  const correctedMs = clock.follow(date, tookMs)
  if (Math.abs(correctedMs) < NOTABLE_SKEW_MS) return
  log.warn({ correctedMs }, "the clock of this machine differs from the API server's, which is used instead")
}

async function connectionOf(config: Config): Promise<Connection> {
  if (config.kubeconfig === undefined && config.apiHost !== undefined) {
    return inCluster({ directory: config.serviceAccountDirectory, host: config.apiHost, port: config.apiPort })
  }
  return fromKubeconfig(config.kubeconfig, config.kubeContext)
}

async function runElection({ config, log, caches, metrics, clientAs, signal }: ProcessDeps): Promise<void> {
  const client = clientAs('controller')
  // Must be unique to this process: a pod's name is, a host name is not.
  const identity = config.identity ?? `${hostname()}-${randomUUID()}`
  const election = new LeaderElection({
    client: clientAs('lease'),
    namespace: config.namespace,
    name: config.leaseName,
    identity,
    clock,
    leaseMs: config.leaseSeconds * 1000,
    log,
  })
  const settings = {
    startTroubleMs: config.startTroubleSeconds * 1000,
    heartbeatMs: config.heartbeatSeconds * 1000,
    proxyForgetMs: config.proxyForgetSeconds * 1000,
    maxProxies: config.maxProxies,
  }
  const work = { workers: config.workers, settings, metrics: metrics.controllers }
  metrics.leads(() => election.isLeader())
  const end = new NamespaceEnd({ client: clientAs('controller'), caches, namespace: config.namespace, clock, log })
  const archive = archiveOf(config, archiveTools({ log, caches }))
  const options = {
    client,
    caches,
    namespace: config.namespace,
    log,
    identity,
    clock,
    agentScript,
    ...work,
    audit: { everyMs: config.driftAuditSeconds * 1000, onCounted: metrics.onDrift },
    onTerminating: () => end.suspect(),
    archive: archive && {
      open: (guarded: KubeClient) => archive.forLeader(guarded),
      redactor: () => redactorOf(config),
      maxStreams: config.logCaptureStreams,
      deadlineMs: config.logCaptureSeconds * 1000,
      onLost: metrics.onLogLost,
    },
  }
  const lead = (term: Leadership): Promise<void> =>
    end.whileItStands((standing) => runControllers(options, { ...term, signal: standing }), term.signal)
  const led = election.run(lead, signal)
  await Promise.all([led, end.run(led, signal)])
}

function archiveTools({ log, caches }: Pick<ProcessDeps, 'log' | 'caches'>): Parameters<typeof archiveOf>[1] {
  return { clock, log, exists: (jobUid) => caches.jobs.byIndex('uid', jobUid)[0] !== undefined }
}

function redactorOf({ logRedactPatterns }: Config): Redactor {
  return new Redactor(logRedactPatterns)
}

/** Serves the facade. A process without that role serves only health and metrics, on the same port. */
async function runFacade(deps: ProcessDeps, { operationsOnly }: { operationsOnly: boolean }): Promise<void> {
  const { config, log, caches, metrics, clientAs, signal } = deps
  const { basePath = '' } = config
  const clientOf = clientsBehind(config.trustedProxies ?? [])
  const authority = new Authority({
    // Reviews use separate connections, so that many unknown callers do not delay requests of known ones.
    client: clientAs('auth'),
    clock,
    namespace: config.namespace,
    audience: config.tokenAudience,
    tokens: config.tokenFile === undefined ? undefined : new StaticTokens(config.tokenFile, { clock, log }),
    keepMs: config.authCacheSeconds * 1000,
  })
  const client = clientAs('facade')
  const shed = sheddingOf(config, signal)
  const app = makeApp({
    client,
    archive: archiveOf(config, archiveTools({ log, caches }))?.forReaders(client),
    redactor: () => redactorOf(config),
    caches,
    log,
    namespace: config.namespace,
    clock,
    closing: signal,
    newId: () => randomUUID().replaceAll('-', '').slice(0, 12),
    version,
    idempotencyWindowMs: config.idempotencyWindowSeconds * 1000,
    heartbeatMs: config.heartbeatSeconds * 1000,
    maxProxies: config.maxProxies,
    metrics,
    basePathOf: basePaths({ configured: basePath, isTrustedPeer: trustedPeers(config.trustedProxies ?? []) }),
    operationsOnly,
    hasPage: config.page === 'true',
    authority,
    rateLimit: { max: config.rateLimitMax, windowSeconds: config.rateLimitWindowSeconds, clientOf },
    shed,
    reauthoriseMs: config.reauthoriseSeconds * 1000,
    logStreams: new ConcurrencyLimit(config.logStreamsPerCaller),
    corsOrigins: config.corsOrigins,
    auditLog: plainLog(log),
  })
  const handle = app.callback()
  const server = makeServer((request, response) => void handle(request, response), {
    clock,
    log,
    version,
    metrics,
    basePath,
    isUpgrade: (request) => !operationsOnly && asksForEvents(request),
  })
  const headersMs = config.headersTimeoutSeconds * 1000
  const timeouts = { headersMs, requestMs: Math.max(headersMs, config.requestTimeoutSeconds * 1000) }
  const serving = [listen(server, config.httpPort, { name: 'rest', log, signal, timeouts })]
  if (!operationsOnly) {
    const realtime = realtimeOf(deps, { authority, clientOf, shed })
    preferWebSocket(server)
    server.on('upgrade', realtime.upgrade)
    serving.push(listen(realtime.server, config.realtimePort, { name: 'realtime', log, signal, timeouts }))
  }
  await Promise.all(serving)
}

/** When calls are refused because of overload; the event loop is measured until the signal. */
function sheddingOf({ maxRequests, maxLoopDelayMs }: Config, signal: AbortSignal): AppOptions['shed'] {
  const loopDelay = new LoopDelay(clock)
  loopDelay.measure(signal)
  return { maxRequests, maxDelayMs: maxLoopDelayMs, delayMs: () => loopDelay.ms }
}

function realtimeOf(
  { config, log, caches, metrics, signal }: ProcessDeps,
  { authority, clientOf, shed }: { authority: Authority; clientOf: ClientOf; shed: AppOptions['shed'] },
): Realtime {
  const realtime = makeRealtime({
    caches,
    admit: admission({
      authority,
      anonymous: config.realtimeAnonymous === 'true',
      origins: config.realtimeOrigins,
      clientOf,
      refused: new FixedWindowCounter({ clock, windowMs: config.rateLimitWindowSeconds * 1000 }),
      mostRefused: config.rateLimitMax,
    }),
    clock,
    log,
    reauthoriseMs: config.reauthoriseSeconds * 1000,
    mostPerCaller: config.realtimeMaxPerCaller,
    corsOrigins: config.corsOrigins,
    isOverloaded: () => isLate(shed),
    metrics: metrics.realtime,
  })
  signal.addEventListener('abort', () => void realtime.close(), { once: true })
  return realtime
}
