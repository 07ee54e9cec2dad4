import { readShipped } from '../bench/stage/shipped.ts'
import { arrivalsOf } from '../faults/schedules/arrivals.ts'
import { Load } from '../faults/schedules/load.ts'
import { workers } from '../faults/schedules/workers.ts'
import { pause } from '../kubelet/pause.ts'
import { eventually } from '../observe/eventually.ts'
import type { Operator } from '../processes/operator.ts'
import { scrape } from '../site/calls/metrics.ts'
import { openSite, type Site } from '../site/site.ts'
import { type NodeLogs, serveLogs } from '../kubelet/logs.ts'
import { Ends } from './ends.ts'
import { type Sample, sampleOf } from './sample.ts'
import type { SoakSettings } from './settings.ts'
import { inWords, verdictOf } from './verdict.ts'

/** Between two samples, in a long run. A short one has thirty samples. */
const SAMPLE_MS = 10_000
const LINE_MS = 60_000
/** How long jobs are kept, so that the caches have the same size after some minutes. */
const KEPT_SECONDS = 60
const SETTLE_MS = 120_000

/** Runs two replicas under a steady load; prints a line a minute and a verdict, and throws if the run fails. */
export async function soak(settings: SoakSettings, print: (line: string) => void): Promise<void> {
  const site = await openSite()
  const logs = await serveLogs(site.plane.client)
  try {
    const kept = {
      maxRunners: settings.perSecond * 20,
      finishedPodTTLSeconds: 5,
      finishedJobTTLSeconds: KEPT_SECONDS,
    }
    await site.createPool('default', kept)
    await site.createPool('workers', { ...kept, ...workers })
    const { flags, environment } = await readShipped()
    const env = { ...environment, LOG_ARCHIVE: 'cluster', NODE_OPTIONS: flags.join(' ') }
    const operators = [
      await site.operator({ identity: 'first', env }),
      await site.operator({ identity: 'second', env }),
    ]
    const failures = await underLoad({ site, logs, operators }, settings, print)
    if (failures.length > 0) throw new Error(`the soak failed:\n${failures.join('\n')}`)
  } finally {
    await site.close()
    await logs.close()
  }
}

/** What a soak runs on. */
interface Stage {
  site: Site
  logs: NodeLogs
  operators: readonly Operator[]
}

async function underLoad(
  { site, logs, operators }: Stage,
  { minutes, perSecond }: SoakSettings,
  print: (line: string) => void,
): Promise<string[]> {
  const loadMs = minutes * 60_000
  const ends = new Ends(site)
  const load = new Load(site, arrivalsOf(1, { loadMs, perSecond }), { facades: () => operators, logs })
  const records = operators.map((): Sample[] => [])
  const over = new AbortController()
  const everyMs = Math.min(SAMPLE_MS, loadMs / 30)
  const sampling = sampleAll({ operators, records, everyMs }, over.signal, (line) => {
    print(`${line}; ${load.acknowledged.length} jobs, ${ends.count} ended`)
  })
  const loading = load.run(AbortSignal.timeout(loadMs + SETTLE_MS)).finally(() => over.abort())
  await Promise.all([loading, sampling])
  const wrong = await lastWrong(() => ends.wrong(load.acknowledged))
  print(`${load.acknowledged.length} jobs, of which ${wrong.length} are lost`)
  const verdicts = records.map((samples) => verdictOf(samples))
  verdicts.forEach(({ trends }, index) => {
    for (const trend of trends) print(`replica ${index + 1}: ${inWords(trend)}`)
  })
  return [
    ...wrong.slice(0, 20).map((job) => `lost: ${job}`),
    ...load.problems,
    ...site.history.violations,
    ...operators.flatMap((operator) => (operator.isRunning ? [] : [`an operator ended:\n${operator.tail()}`])),
    ...verdicts.flatMap(({ failures }, index) => failures.map((failure) => `replica ${index + 1}: ${failure}`)),
  ]
}

/** What is wrong when nothing has become right for so long: a slow machine has jobs left when the load ends. */
async function lastWrong(look: () => string[]): Promise<string[]> {
  for (;;) {
    const before = look().length
    const isLess = () => before === 0 || look().length < before
    const what = 'a job to end'
    const isProgress = await eventually(isLess, { withinMs: SETTLE_MS, everyMs: 1000, what }).catch(() => false)
    if (!isProgress || look().length === 0) return look()
  }
}

/** The samples to take, a record for each operator. */
interface Sampling {
  operators: readonly Operator[]
  records: readonly Sample[][]
  everyMs: number
}

/** Samples every operator in turn until the signal, and prints the last samples every minute. */
async function sampleAll(
  { operators, records, everyMs }: Sampling,
  signal: AbortSignal,
  print: (line: string) => void,
): Promise<void> {
  const begun = performance.now()
  let printed = begun
  while (!signal.aborted) {
    await Promise.all(operators.map(async (operator, index) => records[index]?.push(await sample(operator, begun))))
    if (performance.now() - printed >= LINE_MS) {
      printed = performance.now()
      const minutes = Math.round((printed - begun) / 60_000)
      print(`${minutes} min: ${records.map((samples) => shown(samples.at(-1))).join(' | ')}`)
    }
    if (!signal.aborted) await pause(everyMs, signal).catch(() => {})
  }
}

async function sample(operator: Operator, begun: number): Promise<Sample> {
  return sampleOf(performance.now() - begun, await scrape(operator))
}

function shown(latest: Sample | undefined): string {
  if (latest === undefined) return 'no sample'
  const { rssMiB, descriptors, timers, handles, loopMs } = latest
  return `${rssMiB.toFixed(0)} MiB, ${descriptors} descriptors, ${timers} timers, ${handles} others, loop ${loopMs.toFixed(0)} ms`
}
