import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { RunnerJobSpec, RunnerJobStatus } from '../../src/api/runner-job.ts'
import type { RunnerPoolSpec, RunnerPoolStatus } from '../../src/api/runner-pool.ts'
import { systemClock } from '../../src/kube/runtime/clock.ts'
import { aContainer, aJob, aPod, aPool, aRunner, judged, podStatus } from '../objects/builders.ts'
import { FilledCaches } from '../objects/stores.ts'
import { serveCaches } from './facade-of-caches.ts'

/** An installation with a past and a present, as the pictures of the documentation show it: always the same one. */
export interface Scene {
  url: string
  /** The id of a job that runs, with a log that goes on. */
  runningJob: string
  /** The id of a job that failed at its second attempt, with its log. */
  failedJob: string
  close: () => Promise<void>
}

/** When all of it happens. */
export const NOW = Date.parse('2026-03-12T10:42:30.000Z')

const SECOND = 1000
const MINUTE = 60 * SECOND

const kinds = [
  { repository: 'acme/web-shop', workflow: 'Build and test', pool: 'default', minutes: 4 },
  { repository: 'acme/payments-api', workflow: 'CI', pool: 'default', minutes: 6 },
  { repository: 'acme/mobile', workflow: 'Release', pool: 'large', minutes: 11 },
  { repository: 'acme/infrastructure', workflow: 'Terraform plan', pool: 'default', minutes: 2 },
  { repository: 'acme/handbook', workflow: 'Publish', pool: 'default', minutes: 1 },
] as const

const at = (ms: number): string => new Date(ms).toISOString()

/** A UUID that a name always has. */
function idOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  )
}

/** The log of a pod. */
interface Log {
  text: string
  isOver: boolean
}

type Given = Omit<Partial<RunnerJobStatus>, 'phase'> & Pick<RunnerJobStatus, 'phase'>

class Stage {
  readonly filled = new FilledCaches()
  readonly logs = new Map<string, Log>()
  #count = 0

  /** Stores a job, and returns its id. */
  job(kind: number, delegatedMs: number, status: Given, spec: Partial<RunnerJobSpec> = {}): string {
    this.#count += 1
    const number = this.#count
    const name = idOf(String(number))
    const { repository, workflow } = kinds[kind % kinds.length] ?? kinds[0]
    const facts = {
      repository,
      workflow,
      runId: String(9_200_000 + number * 17),
      jobId: String(25_500_000 + number * 31),
      runAttempt: 1,
      sha: createHash('sha1').update(name).digest('hex'),
      ref: 'refs/heads/main',
      eventName: 'push',
      actor: 'mona',
      runnerName: `proxy-${1 + (number % 3)}`,
      labels: ['linux'],
      delegatedAt: at(delegatedMs),
    }
    const metadata = { name, uid: idOf(`uid ${name}`), creationTimestamp: at(delegatedMs) }
    this.filled.putJob(aJob({ metadata, spec: { ...facts, ...spec }, status }))
    return name
  }

  /** Gives a job the Runner and the pod that its status names, and its log. */
  pod(id: string, pool: string, lines: readonly string[]): void {
    const job = this.filled.caches.jobs.get(`ns/${id}`)
    if (job === undefined) throw new Error(`there is no job ${id}`)
    const { startedAt = at(NOW), completedAt, exitCode = 0, attempts = [] } = job.status
    const attempt = attempts.length + 1
    const runner = aRunner({ job, metadata: { name: `${id}-${attempt}` }, spec: { poolName: pool, attempt } })
    this.filled.putRunner({ ...runner, status: { phase: 'Busy' } })
    const ended = { terminated: { exitCode, startedAt, finishedAt: completedAt ?? startedAt } }
    const state = completedAt === undefined ? { running: { startedAt } } : ended
    const phase = completedAt === undefined ? 'Running' : 'Failed'
    this.filled.putPod(aPod({ runner, status: podStatus(phase, aContainer(state)) }))
    const beganMs = Date.parse(startedAt)
    const stamped = lines.map((line, index) => `${at(beganMs + 900 + index * 733).replace('Z', '000000Z')} ${line}\n`)
    this.logs.set(runner.metadata.name, { text: stamped.join(''), isOver: completedAt !== undefined })
  }

  pool(name: string, spec: Partial<RunnerPoolSpec>, status: RunnerPoolStatus): void {
    const pool = judged(aPool({ metadata: { name }, spec }), 'True')
    this.filled.putPool({ ...pool, status: { ...pool.status, ...status } })
  }
}

/** Jobs of the last six hours. */
function addPast(stage: Stage): void {
  for (let index = 0; index < 160; index++) {
    const { pool, minutes } = kinds[(index * 7) % kinds.length] ?? kinds[0]
    const wave = 1 + Math.sin(index / 9)
    const delegatedMs = NOW - 15 * MINUTE - index * 126 * SECOND - (index % 7) * 11 * SECOND
    const startedMs = delegatedMs + 3000 + wave * 9000 + (index % 5) * 1200 + (index % 23 === 3 ? 70_000 : 0)
    const completedMs = startedMs + minutes * MINUTE * (0.7 + (index % 7) / 10)
    const times = {
      assignedAt: at(delegatedMs + (startedMs - delegatedMs) / 3),
      startedAt: at(startedMs),
      completedAt: at(completedMs),
    }
    stage.job(index * 7, delegatedMs, { ...endOf(index), ...times, poolName: pool })
  }
}

function endOf(index: number): Given {
  if (index % 13 === 4) return { phase: 'Failed', reason: 'ExitCode', message: 'exit code 1', exitCode: 1 }
  if (index % 41 === 20) return { phase: 'Cancelled', reason: 'CancelRequested', message: 'the job was cancelled' }
  return { phase: 'Completed', reason: 'Succeeded', message: 'exit code 0', exitCode: 0 }
}

/** Jobs that wait, start, run, or have just ended. Returns one that runs, and one that failed. */
function addPresent(stage: Stage): Pick<Scene, 'runningJob' | 'failedJob'> {
  const full = { phase: 'Queued', reason: 'PoolFull', message: 'all 6 slots of pool default are taken' } as const
  const noPool = 'no RunnerPool offers the label "gpu"; kubectl get runnerpools shows their labels'
  stage.job(0, NOW - 8 * SECOND, full)
  stage.job(1, NOW - 31 * SECOND, { phase: 'Queued', reason: 'NoMatchingPool', message: noPool }, { labels: ['gpu'] })
  stage.job(3, NOW - 46 * SECOND, full)
  const starting = { phase: 'Assigned', poolName: 'default', assignedAt: at(NOW - 38 * SECOND) } as const
  stage.job(4, NOW - 52 * SECOND, { ...starting, reason: 'RunnerStarting' })
  const noNode = { reason: 'Unschedulable', message: 'nodes have insufficient cpu' } as const
  stage.job(0, NOW - 71 * SECOND, { ...starting, ...noNode })
  const running = [2, 1, 3, 0, 4, 2].map((kind, index) => {
    const delegatedMs = NOW - (94 + index * 67) * SECOND
    const startedMs = delegatedMs + (9 + ((index * 5) % 8)) * SECOND
    const poolName = (kinds[kind] ?? kinds[0]).pool
    const times = { assignedAt: at(delegatedMs + 2 * SECOND), startedAt: at(startedMs) }
    return stage.job(kind, delegatedMs, { phase: 'Running', reason: 'Running', poolName, ...times })
  })
  const runningJob = running[1] ?? ''
  stage.pod(runningJob, 'default', passingLog)
  return { runningJob, failedJob: addFailed(stage) }
}

function addFailed(stage: Stage): string {
  const delegatedMs = NOW - 11 * MINUTE
  const attempts = [
    {
      number: 1,
      poolName: 'large',
      podName: 'lost',
      nodeName: 'node-4',
      reason: 'NodeLost' as const,
      message: 'node node-4 is gone',
      endedAt: at(delegatedMs + 41 * SECOND),
    },
  ]
  const failedJob = stage.job(2, delegatedMs, {
    phase: 'Failed',
    reason: 'OOMKilled',
    message: 'the container needed more than its memory limit of 4Gi',
    exitCode: 137,
    poolName: 'large',
    containerId: `containerd://${createHash('sha256').update('failed').digest('hex')}`,
    nodeName: 'node-2',
    attempts,
    assignedAt: at(delegatedMs + 52 * SECOND),
    startedAt: at(delegatedMs + 58 * SECOND),
    completedAt: at(delegatedMs + 7 * MINUTE + 12 * SECOND),
  })
  stage.pod(failedJob, 'large', failingLog)
  return failedJob
}

const passingLog = [
  '\u001B[36;1mRun npm ci\u001B[0m',
  'added 412 packages in 9s',
  '\u001B[36;1mRun npm test\u001B[0m',
  '',
  '  orders',
  '    \u001B[32m✔\u001B[0m accept a basket with several currencies \u001B[90m(41 ms)\u001B[0m',
  '    \u001B[32m✔\u001B[0m keep the price of the moment of the order \u001B[90m(12 ms)\u001B[0m',
  '    \u001B[32m✔\u001B[0m reject an empty basket \u001B[90m(3 ms)\u001B[0m',
  '  payments',
  '    \u001B[32m✔\u001B[0m are taken once, however often they are sent \u001B[90m(88 ms)\u001B[0m',
  '    \u001B[33m- refund after the limit (skipped)\u001B[0m',
  '    \u001B[32m✔\u001B[0m survive a restart of the queue \u001B[90m(230 ms)\u001B[0m',
  '',
  '  \u001B[32m128 passing\u001B[0m \u001B[90m(14 s)\u001B[0m',
  '  \u001B[33m1 pending\u001B[0m',
  '\u001B[36;1mRun docker build --tag acme/payments-api .\u001B[0m',
  '#1 [internal] load build definition from Dockerfile',
  '#2 [build 1/6] FROM docker.io/library/node:24-slim',
]

const failingLog = [
  '\u001B[36;1mRun ./gradlew assembleRelease\u001B[0m',
  '> Task :app:preBuild UP-TO-DATE',
  '> Task :app:compileReleaseKotlin',
  "\u001B[33mw: 'startActivityForResult' is deprecated\u001B[0m",
  '> Task :app:mergeReleaseResources',
  '> Task :app:minifyReleaseWithR8 \u001B[31mFAILED\u001B[0m',
  '',
  '\u001B[31;1mExpiring Daemon because JVM heap space is exhausted\u001B[0m',
  'The Daemon will expire after the build after running out of JVM heap space.',
  'Killed',
]

/** Opens the scene. */
export async function openScene(): Promise<Scene> {
  const stage = new Stage()
  await stage.filled.fill()
  const linux = ['self-hosted', 'linux', 'x64']
  const oldestQueuedAt = at(NOW - 46 * SECOND)
  const full = { running: 4, starting: 2, queued: 2, oldestQueuedAt, limitsReached: ['maxRunners' as const] }
  stage.pool('default', { labels: linux, maxRunners: 6 }, full)
  const large = { labels: [...linux, 'large'], maxRunners: 4, repositories: ['acme/mobile', 'acme/web-shop'] }
  stage.pool('large', large, { running: 2, starting: 0, queued: 0, limitsReached: [] })
  const gpu = { labels: [...linux, 'cuda'], maxRunners: 2, paused: true }
  stage.pool('gpu', gpu, { running: 0, starting: 0, queued: 0, limitsReached: ['paused'] })
  addPast(stage)
  const shown = addPresent(stage)
  const node = await serveLogs(stage.logs)
  const clock = { ...systemClock, now: () => new Date(NOW) }
  const facade = await serveCaches(stage.filled, { clock, server: node.url })
  const close = async (): Promise<void> => {
    await facade.close()
    node.close()
  }
  return { url: facade.url, ...shown, close }
}

/** The logs of pods as their node returns them; that of a running pod goes on. */
async function serveLogs(logs: ReadonlyMap<string, Log>): Promise<{ url: URL; close: () => void }> {
  const server = createServer(({ url = '' }, response) => {
    const [, pod = ''] = /\/pods\/([^/]+)\/log/.exec(url) ?? []
    const log = logs.get(pod)
    response.statusCode = log === undefined ? 404 : 200
    response.write(log?.text ?? '')
    if (log?.isOver !== false) response.end()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const close = (): void => {
    server.closeAllConnections()
    server.close()
  }
  return { url: new URL(`http://127.0.0.1:${port}`), close }
}
