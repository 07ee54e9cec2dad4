import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { measureArchive } from './measures/archive.ts'
import { type DelegationResult, measureDelegations } from './measures/delegations.ts'
import { type DrainResult, measureDrain } from './measures/drain.ts'
import { type FanOutResult, measureFanOut } from './measures/fan-out.ts'
import { type HandOverResult, measureHandOvers } from './measures/hand-overs.ts'
import { type LatencyResult, measureLatency } from './measures/latency.ts'
import { type ListResult, measureLists } from './measures/lists.ts'
import { measureQueues } from './measures/queue.ts'
import { measureScrapes, type ScrapeResult } from './measures/scrapes.ts'
import { measureStart, type StartResult } from './measures/starts.ts'
import { type Options, readOptions } from './options.ts'
import { type BenchResult, table } from './report.ts'
import { buildFloor } from './stage/floor.ts'
import { machineText } from './stage/machine.ts'
import { buildOperator } from './stage/operator.ts'
import { say } from './stage/progress.ts'
import { readShipped } from './stage/shipped.ts'
import { trustworthy } from './trustworthy.ts'

const options = parsed()
if (options !== undefined) await run(options)

function parsed(): Options | undefined {
  try {
    return readOptions(process.argv.slice(2))
  } catch (error) {
    return refuse(error)
  }
}

/** Reports an error in the command line in one line. */
function refuse(error: unknown): never {
  if (!(error instanceof TypeError)) throw error
  process.stderr.write(`${error.message}\nnode test/bench/main.ts --help\n`)
  process.exit(2)
}

async function run(asked: Options): Promise<void> {
  const { parts, jobs, repeats, seconds, rates, listed, json, cpuProfile } = asked
  await Promise.all([buildOperator(), buildFloor()])
  const shipped = await readShipped()
  if (cpuProfile !== undefined) shipped.flags.push('--cpu-prof', `--cpu-prof-dir=${cpuProfile}`)
  const drains: DrainResult[] = []
  const latencies: LatencyResult[] = []
  for (let cell = 1; cell <= (parts.includes('drain') ? repeats : 0); cell += 1) {
    say(`drain ${cell} of ${repeats}`)
    drains.push(await trustworthy(() => measureDrain(jobs, shipped)))
  }
  for (const perSecond of parts.includes('latency') ? rates : []) {
    say(`latency at ${perSecond} jobs per second`)
    latencies.push(await trustworthy(() => measureLatency({ perSecond, seconds }, shipped)))
  }
  const delegations: DelegationResult[] = []
  if (parts.includes('delegations')) {
    say('delegations')
    delegations.push(await trustworthy(() => measureDelegations(jobs, shipped)))
  }
  const handOvers: HandOverResult[] = []
  if (parts.includes('hand-overs')) {
    say('hand-overs')
    handOvers.push(await trustworthy(() => measureHandOvers(Math.ceil(jobs / 4), shipped)))
  }
  const starts: StartResult[] = []
  for (const count of parts.includes('starts') ? [0, 10_000] : []) {
    say(`starts with ${count} jobs`)
    starts.push(await measureStart(count, shipped))
  }
  const lists: ListResult[] = []
  if (parts.includes('lists')) {
    say(`lists of ${listed} jobs`)
    lists.push(await measureLists(listed, shipped))
  }
  const scrapes: ScrapeResult[] = []
  if (parts.includes('scrapes')) {
    say('scrapes of the metrics')
    scrapes.push(await measureScrapes(10_000, shipped))
  }
  const queues = measureQueues(parts)
  const fanOuts: FanOutResult[] = []
  for (const clients of parts.includes('fan-out') ? asked.clients : []) {
    say(`events to ${clients} clients`)
    fanOuts.push(await trustworthy(() => measureFanOut(clients, shipped)))
  }
  const archive = await measureArchive(asked, shipped)
  const conditions = { machine: machineText(), node: process.version, ...shipped, jobs, seconds }
  const result: BenchResult = {
    conditions,
    drains,
    latencies,
    delegations,
    handOvers,
    starts,
    lists,
    scrapes,
    queues,
    fanOuts,
    archive,
  }
  await mkdir(dirname(json), { recursive: true })
  await writeFile(json, `${JSON.stringify(result, null, 2)}\n`)
  console.log(`\n${table(result)}\n\n${json}`)
}
