#!/usr/bin/env node
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { Authority } from './auth/authority.ts'
import { type ClientOf, clientsBehind, trustedPeers } from './auth/client-address.ts'
import { ConcurrencyLimit } from './auth/concurrency-limit.ts'
import { StaticTokens } from './auth/static-tokens.ts'
import { FixedWindowCounter } from './auth/window-counter.ts'
import { type Caches, makeCaches } from './cluster/caches.ts'
import { BadConfig, type Config, helpText, readConfig } from './config.ts'
import { NamespaceEnd } from './controllers/pod/namespace-end.ts'
import { runControllers } from './controllers/run.ts'
import { makeApp } from './http/app.ts'
import { basePaths } from './http/base-path.ts'
import { listen } from './http/listen.ts'
import { makeServer } from './http/server.ts'
import { KubeClient } from './kube/client/client.ts'
import { type Connection, fromKubeconfig, inCluster, NoKubeconfig } from './kube/connection/connection.ts'
import { LeaderElection, type Leadership } from './kube/election/leader-election.ts'
import { systemClock as clock } from './kube/runtime/clock.ts'
import { makeLog, plainLog, type RootLog } from './log.ts'
import { Metrics } from './metrics/registry.ts'
import { admission } from './realtime/admission.ts'
import { makeRealtime, type Realtime } from './realtime/server.ts'
import { runTask, type Task } from './tasks/run-task.ts'
import { version } from './version.ts'

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

/** Aborts when the process is told to end. As process 1 of a container it would otherwise not hear of it. */
function stopSignal(): AbortSignal {
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort(new Error(name)))
  return stop.signal
}

/**
 * Starting leaves a young generation behind that has grown to its limit, and only a collection of last resort makes it
 * small again; work lets it grow as it needs. Node.js offers it with --expose-gc, as in the image.
 */
function giveBackMemory(): void {
  globalThis.gc?.({ type: 'major', flavor: 'last-resort', execution: 'sync' })
}

/** What both halves are given. */
interface Process {
  config: Config
  log: RootLog
  caches: Caches
  metrics: Metrics
  /** A client with connections of its own, which names its role to the API server. */
  clientAs: (role: string) => KubeClient
  signal: AbortSignal
}

async function run(config: Config): Promise<void> {
  const log = makeLog(config.logLevel)
  const signal = stopSignal()
  process.on('unhandledRejection', (error) => log.error({ err: error }, 'unhandled rejection'))
  // It ends all the same; who collects logs shall find why among them.
  process.on('uncaughtExceptionMonitor', (error) => log.error({ err: error }, 'uncaught exception'))

  const connection = await connectionOf(config)
  const metrics = new Metrics({ clock, version })
  const clients: KubeClient[] = []
  const clientAs = (role: string): KubeClient => {
    const client = new KubeClient(connection, {
      userAgent: `runnerhub-${role}/${version}`,
      clock,
      onRequest: metrics.onApiRequest,
    })
    clients.push(client)
    return client
  }
  const { namespace } = config
  const caches = makeCaches({ client: clientAs('cache'), namespace, log, metrics: metrics.reflectors })
  metrics.watch(caches)
  const parts: Process = { config, log, caches, metrics, clientAs, signal }
  log.info({ version, roles: config.roles, namespace: config.namespace }, 'started')
  const work = Promise.all([
    ...[...caches.reflectors, caches.ledgerReflector].map((reflector) => reflector.run(signal)),
    config.roles === 'facade' ? undefined : runElection(parts),
    runFacade(parts, { operationsOnly: config.roles === 'controllers' }),
  ])
  giveBackMemory()
  await work
  await Promise.all(clients.map((client) => client.close()))
  log.info({}, 'stopped')
}

async function connectionOf(config: Config): Promise<Connection> {
  if (config.kubeconfig === undefined && config.apiHost !== undefined) {
    return inCluster({ directory: config.serviceAccountDirectory, host: config.apiHost, port: config.apiPort })
  }
  return fromKubeconfig(config.kubeconfig, config.kubeContext)
}

async function runElection({ config, log, caches, metrics, clientAs, signal }: Process): Promise<void> {
  const client = clientAs('controller')
  // Unique to this process: a pod's name is, a host's is not.
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
  const options = { client, caches, log, identity, clock, ...work, onTerminating: () => end.suspect() }
  const lead = (term: Leadership): Promise<void> =>
    end.whileItStands((standing) => runControllers(options, { ...term, signal: standing }), term.signal)
  const led = election.run(lead, signal)
  await Promise.all([led, end.run(led, signal)])
}

/** A process without a facade has health and metrics all the same, on the port of the REST API. */
async function runFacade(parts: Process, { operationsOnly }: { operationsOnly: boolean }): Promise<void> {
  const { config, log, caches, metrics, clientAs, signal } = parts
  const clientOf = clientsBehind(config.trustedProxies ?? [])
  const authority = new Authority({
    // Reviews have connections of their own: however many strangers come, calls of known ones get through.
    client: clientAs('auth'),
    clock,
    namespace: config.namespace,
    audience: config.tokenAudience,
    tokens: config.tokenFile === undefined ? undefined : new StaticTokens(config.tokenFile, { clock, log }),
    keepMs: config.authCacheSeconds * 1000,
  })
  const app = makeApp({
    client: clientAs('facade'),
    caches,
    log,
    namespace: config.namespace,
    clock,
    version,
    idempotencyWindowMs: config.idempotencyWindowSeconds * 1000,
    heartbeatMs: config.heartbeatSeconds * 1000,
    maxProxies: config.maxProxies,
    metrics,
    basePathOf: basePaths({
      configured: config.basePath ?? '',
      isTrustedPeer: trustedPeers(config.trustedProxies ?? []),
    }),
    operationsOnly,
    authority,
    rateLimit: { max: config.rateLimitMax, windowSeconds: config.rateLimitWindowSeconds, clientOf },
    reauthoriseMs: config.reauthoriseSeconds * 1000,
    logStreams: new ConcurrencyLimit(config.logStreamsPerCaller),
    corsOrigins: config.corsOrigins,
    auditLog: plainLog(log),
  })
  const handle = app.callback()
  const server = makeServer((request, response) => void handle(request, response), { clock, log, version, metrics })
  const headersMs = config.headersTimeoutSeconds * 1000
  const timeouts = { headersMs, requestMs: Math.max(headersMs, config.requestTimeoutSeconds * 1000) }
  const serving = [listen(server, config.httpPort, { name: 'rest', log, signal, timeouts })]
  if (!operationsOnly) {
    const realtime = realtimeOf(parts, authority, clientOf)
    serving.push(listen(realtime.server, config.realtimePort, { name: 'realtime', log, signal, timeouts }))
  }
  await Promise.all(serving)
}

function realtimeOf(
  { config, log, caches, metrics, signal }: Process,
  authority: Authority,
  clientOf: ClientOf,
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
    metrics: metrics.realtime,
  })
  signal.addEventListener('abort', () => void realtime.close(), { once: true })
  return realtime
}
