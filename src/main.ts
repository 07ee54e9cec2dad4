#!/usr/bin/env node
import { createServer } from 'node:http'
import { hostname } from 'node:os'
import { BadConfig, type Config, helpText, readConfig } from './config.ts'
import { type Caches, makeCaches } from './cluster/caches.ts'
import { runTerm } from './controllers/term.ts'
import { makeApp } from './http/app.ts'
import { listen } from './http/listen.ts'
import { StaticTokens } from './http/static-tokens.ts'
import { KubeClient } from './kube/client.ts'
import { systemClock as clock } from './kube/clock.ts'
import { type Connection, fromKubeconfig, inCluster } from './kube/connection.ts'
import { LeaderElection } from './kube/leader.ts'
import type { Log } from './kube/log.ts'
import { EventRecorder } from './kube/recorder.ts'
import { makeLog } from './log.ts'
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
  await run(config)
}

async function run(config: Config): Promise<void> {
  const log = makeLog(config.logLevel)
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort(new Error(name)))
  process.on('unhandledRejection', (error) => log.error({ err: error }, 'unhandled rejection'))

  const connection = await connectionOf(config)
  const clientAs = (role: string) => new KubeClient(connection, { userAgent: `runnerhub-${role}/${version}`, clock })
  const cacheClient = clientAs('cache')
  const caches = makeCaches({ client: cacheClient, namespace: config.namespace, log })
  const parts = [caches.reflectors.map((reflector) => reflector.run(stop.signal))].flat()
  if (config.roles !== 'facade')
    parts.push(...runControllers(config, { client: clientAs('controller'), caches, log }, stop.signal))
  if (config.roles !== 'controllers')
    parts.push(runFacade(config, { client: clientAs('facade'), caches, log }, stop.signal))
  log.info({ version, roles: config.roles, namespace: config.namespace }, 'started')
  await Promise.all(parts)
  await cacheClient.close()
  log.info({}, 'stopped')
}

async function connectionOf(config: Config): Promise<Connection> {
  if (config.kubeconfig === undefined && config.apiHost !== undefined) {
    return inCluster({ directory: config.serviceAccountDirectory, host: config.apiHost, port: config.apiPort })
  }
  return fromKubeconfig(config.kubeconfig, config.kubeContext)
}

interface Shared {
  client: KubeClient
  caches: Caches
  log: Log
}

function runControllers(config: Config, shared: Shared, signal: AbortSignal): Promise<void>[] {
  const identity = config.identity ?? hostname()
  const recorder = new EventRecorder({ ...shared, component: 'runnerhub', instance: identity, clock })
  const election = new LeaderElection({
    ...shared,
    namespace: config.namespace,
    name: config.leaseName,
    identity,
    clock,
    leaseMs: config.leaseSeconds * 1000,
    renewDeadlineMs: (config.leaseSeconds * 1000 * 2) / 3,
    retryMs: (config.leaseSeconds * 1000) / 7.5,
  })
  const settings = { startTroubleMs: config.startTroubleSeconds * 1000 }
  const options = { ...shared, recorder, clock, workers: config.workers, settings }
  return [
    recorder.run(signal),
    election.run((term) => runTerm(options, term), signal).then(() => shared.client.close()),
  ]
}

async function runFacade(config: Config, shared: Shared, signal: AbortSignal): Promise<void> {
  const { log } = shared
  if (config.tokenFile === undefined) log.warn({}, 'no TOKEN_FILE: every call of the API is refused with 401')
  const tokens = config.tokenFile === undefined ? undefined : new StaticTokens(config.tokenFile, { clock, log })
  const app = makeApp({
    ...shared,
    namespace: config.namespace,
    clock,
    version,
    idempotencyWindowMs: config.idempotencyWindowSeconds * 1000,
    authenticate: async (token) => tokens?.callerOf(token),
    rateLimit: { max: config.rateLimitMax, windowSeconds: config.rateLimitWindowSeconds },
  })
  const handle = app.callback()
  const server = createServer((request, response) => void handle(request, response))
  await listen(server, config.httpPort, { log, signal })
  await shared.client.close()
}
