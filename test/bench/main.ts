import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { measureArchive } from './measures/archive.ts'
import { measureDelegations } from './measures/delegations.ts'
import { measureDrain } from './measures/drain.ts'
import { measureFanOut } from './measures/fan-out.ts'
import { measureHandOvers } from './measures/hand-overs.ts'
import { measureLatency } from './measures/latency.ts'
import { measureLists } from './measures/lists.ts'
import { measurePools } from './measures/pools.ts'
import { measureQueues } from './measures/queue.ts'
import { measureRetention } from './measures/retention.ts'
import { measureScrapes } from './measures/scrapes.ts'
import { measureStart } from './measures/starts.ts'
import { type Options, readOptions } from './options.ts'
import { type Results, table } from './report.ts'
import { buildFloor } from './stage/floor.ts'
import { machineText } from './stage/machine.ts'
import { buildOperator } from './stage/operator.ts'
import { say } from './stage/progress.ts'
import { readShipped, type Shipped } from './stage/shipped.ts'
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
  await Promise.all([buildOperator(), buildFloor()])
  const shipped = await readShipped()
  const { jobs, seconds, json, cpuProfile } = asked
  if (cpuProfile !== undefined) shipped.flags.push('--cpu-prof', `--cpu-prof-dir=${cpuProfile}`)
  const results = await measureAll(asked, shipped)
  const conditions = { machine: machineText(), node: process.version, ...shipped, jobs, seconds }
  await mkdir(dirname(json), { recursive: true })
  await writeFile(json, `${JSON.stringify({ conditions, ...results }, null, 2)}\n`)
  console.log(`\n${table(conditions, results)}\n\n${json}`)
}

/** Measures the parts that are asked for. */
async function measureAll(asked: Options, shipped: Shipped): Promise<Results> {
  const { parts, jobs, repeats, seconds, rates, listed, finished, clients } = asked
  const each = async <V, R>(
    part: string,
    values: readonly V[],
    what: (value: V) => string,
    measure: (value: V) => Promise<R>,
  ): Promise<R[]> => {
    const results: R[] = []
    for (const value of parts.includes(part) ? values : []) {
      say(what(value))
      results.push(await measure(value))
    }
    return results
  }
  const once = <R>(part: string, what: string, measure: () => Promise<R>): Promise<R[]> =>
    each(part, [undefined], () => what, measure)
  const cells = Array.from({ length: repeats }, (_, index) => index + 1)
  return {
    drains: await each(
      'drain',
      cells,
      (cell) => `drain ${cell} of ${repeats}`,
      () => trustworthy(() => measureDrain(jobs, shipped)),
    ),
    latencies: await each(
      'latency',
      rates,
      (rate) => `latency at ${rate} jobs per second`,
      (perSecond) => trustworthy(() => measureLatency({ perSecond, seconds }, shipped)),
    ),
    delegations: await once('delegations', 'delegations', () => trustworthy(() => measureDelegations(jobs, shipped))),
    handOvers: await once('hand-overs', 'hand-overs', () =>
      trustworthy(() => measureHandOvers(Math.ceil(jobs / 4), shipped)),
    ),
    starts: await each(
      'starts',
      [0, 10_000],
      (count) => `starts with ${count} jobs`,
      (count) => measureStart(count, shipped),
    ),
    lists: await once('lists', `lists of ${listed} jobs`, () => measureLists(listed, shipped)),
    scrapes: await once('scrapes', 'scrapes of the metrics', () => measureScrapes(10_000, shipped)),
    queues: measureQueues(parts),
    pools: await once('pools', `${jobs} jobs of many repositories over several pools`, () =>
      trustworthy(() => measurePools(jobs, shipped)),
    ),
    retentions: await once('retention', `the deletion of ${finished} finished jobs`, () =>
      measureRetention(finished, seconds, shipped),
    ),
    fanOuts: await each(
      'fan-out',
      clients,
      (count) => `events to ${count} clients`,
      (count) => trustworthy(() => measureFanOut(count, shipped)),
    ),
    ...(await measureArchive(asked, shipped)),
  }
}
