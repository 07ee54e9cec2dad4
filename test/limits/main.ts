import { readFile } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { expect } from 'chai'
import { readShipped } from '../bench/stage/shipped.ts'
import { isFinal } from '../../src/domain/job/phases.ts'
import { InFlight } from '../../src/kube/client/in-flight.ts'
import { type NodeLogs, serveLogs } from '../kubelet/logs.ts'
import { pause } from '../kubelet/pause.ts'
import { succeedsAtOnce } from '../kubelet/script.ts'
import { eventually, Hopeless } from '../observe/eventually.ts'
import { RestClient } from '../observe/rest-client.ts'
import type { Operator } from '../processes/operator.ts'
import { call } from '../site/calls/call.ts'
import { scrape } from '../site/calls/metrics.ts'
import { openSite, type Site, TOKEN } from '../site/site.ts'
import { Crowd } from './crowd.ts'
import { limitSettings } from './settings.ts'

const { connections, jobs, heapMib } = limitSettings(process.env)
const MINUTE_MS = 60_000
/** How long the connections only wait: each is authorised again three times. */
const IDLE_MS = MINUTE_MS
const REAUTHORISE_SECONDS = 20
const READS = 200
const repository = 'owner/repo'
const forever = new AbortController().signal

function print(line: string): void {
  console.log(`    ${line} (load ${(loadavg()[0] ?? 0).toFixed(1)})`)
}

async function secondsOf(act: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await act()
  return (performance.now() - begun) / 1000
}

/** Adds the seconds that an action takes to a list. */
async function timed<T>(seconds: number[], act: () => Promise<T>): Promise<T> {
  const begun = performance.now()
  const result = await act()
  seconds.push((performance.now() - begun) / 1000)
  return result
}

/** The highest resident memory of a process so far. */
async function peakMiB({ pid }: Operator): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmHWM:\s*(\d+) kB/m.exec(status)?.[1]) / 1024
}

describe('one process at its limits', function () {
  this.timeout(60 * MINUTE_MS)
  let site: Site
  let logs: NodeLogs

  beforeEach(async () => {
    site = await openSite()
    logs = await serveLogs(site.plane.client, { isOver: true })
    await site.createPool('default', { maxRunners: 500 })
    site.kubelet.onPod(() => succeedsAtOnce())
  })
  afterEach(async () => {
    await site.close()
    await logs.close()
  })

  /** Starts an operator with the settings of the image, and its heap limit unless another is given. */
  async function start(env: Record<string, string>, heapFlag?: string): Promise<Operator> {
    const { flags, environment } = await readShipped()
    const NODE_OPTIONS = [...flags, heapFlag ?? []].flat().join(' ')
    const settings = { ...environment, LOG_ARCHIVE: 'cluster', NODE_OPTIONS, ...env }
    const operator = await site.operator({ env: settings }, { waits: false })
    return operator.ready(5 * MINUTE_MS)
  }

  it(`holds ${connections} idle realtime connections, and serves callers and events meanwhile`, async () => {
    const operator = await start({
      REALTIME_MAX_PER_CALLER: String(connections),
      REAUTHORISE_SECONDS: String(REAUTHORISE_SECONDS),
    })
    const rest = new RestClient(operator.url)
    const before = { memory: await operator.memoryMiB(), descriptors: await descriptorsOf(operator) }
    const begun = performance.now()
    const crowd = await Crowd.open(operator.realtimeUrl, { count: connections, token: TOKEN, repository })
    const opening = ((performance.now() - begun) / 1000).toFixed(1)
    const opened = await operator.memoryMiB()
    const each = ((opened - before.memory) * 1024) / connections
    print(
      `${connections} connections in ${opening} s: ${before.memory.toFixed(0)} -> ${opened.toFixed(0)} MiB, ${each.toFixed(1)} KiB each`,
    )
    const event = async (jobId: string): Promise<void> => {
      const heard = await secondsOf(async () =>
        crowd.hearsEnd(await rest.delegate({ jobId, runId: '1', repository }), 2 * MINUTE_MS),
      )
      print(`from a delegation to the job's end on all of them: ${heard.toFixed(1)} s`)
    }
    await event('first')
    const times: number[] = []
    let refused = 0
    for (let read = 0; read < READS; read += 1) {
      const { status } = await timed(times, () => call(`${operator.url}/api/jobs`))
      expect([200, 503]).to.include(status)
      if (status === 503) refused += 1
    }
    const sorted = times.toSorted((a, b) => a - b)
    const ms = (share: number): string => ((sorted[Math.floor(share * READS)] ?? 0) * 1000).toFixed(1)
    print(`GET /api/jobs meanwhile: p50 ${ms(0.5)} ms, p99 ${ms(0.99)} ms, ${refused} of ${READS} refused`)
    const cpu = await cpuSecondsOf(operator)
    await pause(IDLE_MS, forever)
    const share = ((await cpuSecondsOf(operator)) - cpu) / (IDLE_MS / 1000)
    print(`a minute later: ${(await operator.memoryMiB()).toFixed(0)} MiB, ${(share * 100).toFixed(1)} % of a core`)
    await event('second')
    expect(crowd.closed, 'connections that the server closed').to.equal(0)
    crowd.close()
    const areGone = async () => (await descriptorsOf(operator)) < before.descriptors + 50
    await eventually(areGone, { withinMs: MINUTE_MS, everyMs: 500, what: 'their descriptors to be free' })
    print(`after they are closed: ${(await operator.memoryMiB()).toFixed(0)} MiB`)
  })

  it(`starts with ${jobs} waiting jobs and runs them all in a heap of ${heapMib} MiB`, async () => {
    const places = new InFlight(32)
    await Promise.all(
      Array.from({ length: jobs }, async (_, index) => {
        const leave = await places.acquire(forever)
        await site.createJob(`job-${index}`).finally(leave)
      }),
    )
    const ended = new Set<string>()
    site.history.jobs.onChange(({ now }) => {
      if (now !== undefined && isFinal(now.status.phase)) ended.add(now.metadata.name)
    })
    const begun = performance.now()
    const operator = await start({}, `--max-old-space-size=${heapMib}`)
    print(
      `ready in ${((performance.now() - begun) / 1000).toFixed(1)} s: ${(await operator.memoryMiB()).toFixed(0)} MiB`,
    )
    const drifts = new Set<string>()
    const areOver = async (): Promise<boolean> => {
      if (!operator.isRunning) throw new Hopeless(`the operator ended:\n${operator.tail()}`)
      expect((await call(`${operator.url}/api/jobs?limit=1`, { withinMs: MINUTE_MS })).status).to.equal(200)
      for (const [name, count] of await scrape(operator))
        if (name.startsWith('github_runnerhub_drift_objects') && count > 0) drifts.add(`${name} ${count}`)
      return ended.size === jobs
    }
    await eventually(areOver, { withinMs: 50 * MINUTE_MS, everyMs: 2000, what: 'all jobs to end' })
    const seconds = (performance.now() - begun) / 1000
    const heap = (await scrape(operator)).get('nodejs_heap_size_used_bytes') ?? Number.NaN
    print(
      `${jobs} jobs in ${seconds.toFixed(0)} s: at most ${(await peakMiB(operator)).toFixed(0)} MiB resident, ` +
        `${(heap / 2 ** 20).toFixed(0)} MiB of heap in use at the end`,
    )
    expect(operator.isRunning).to.equal(true)
    expect([...drifts], 'drifts of objects that nobody had touched').to.deep.equal([])
    await site.checkInvariants()
  })
})

async function descriptorsOf(operator: Operator): Promise<number> {
  return (await scrape(operator)).get('process_open_fds') ?? Number.NaN
}

async function cpuSecondsOf(operator: Operator): Promise<number> {
  return (await scrape(operator)).get('process_cpu_seconds_total') ?? Number.NaN
}
