import { archiveRows, type Row } from './archive-rows.ts'
import type { ArchiveResults } from './measures/archive.ts'
import type { DelegationResult } from './measures/delegations.ts'
import type { DrainResult } from './measures/drain.ts'
import type { FanOutResult } from './measures/fan-out.ts'
import type { HandOverResult } from './measures/hand-overs.ts'
import type { LatencyResult } from './measures/latency.ts'
import type { ListResult } from './measures/lists.ts'
import type { PoolsResult, PoolsRun } from './measures/pools.ts'
import type { QueueResult } from './measures/queue.ts'
import type { RetentionResult } from './measures/retention.ts'
import type { ScrapeResult } from './measures/scrapes.ts'
import type { StartResult } from './measures/starts.ts'
import type { Surroundings } from './stage/machine.ts'
import type { Shipped } from './stage/shipped.ts'
import { mean, median, quantile } from './statistics.ts'

/** All results; a part that was not measured has none. */
export interface Results extends ArchiveResults {
  drains: DrainResult[]
  latencies: LatencyResult[]
  delegations: DelegationResult[]
  handOvers: HandOverResult[]
  starts: StartResult[]
  lists: ListResult[]
  scrapes: ScrapeResult[]
  queues: QueueResult[]
  pools: PoolsResult[]
  retentions: RetentionResult[]
  fanOuts: FanOutResult[]
}

/** Where and how they were measured. */
export interface Conditions extends Shipped {
  machine: string
  node: string
  jobs: number
  seconds: number
}

/** The results as a Markdown table, followed by the conditions. Several drains: the median, and the range in parentheses. */
export function table({ machine, node, jobs, seconds, environment, flags }: Conditions, results: Results): string {
  const settings = [...Object.entries(environment).map((setting) => setting.join('=')), ...flags]
  const rows: Row[] = [
    ...(results.drains.length > 0 ? drainRows(results.drains) : []),
    ...results.latencies.flatMap(latencyRows),
    ...results.delegations.flatMap(delegationRows),
    ...results.handOvers.flatMap(handOverRows),
    ...results.starts.flatMap(startRows),
    ...results.lists.flatMap(listRows),
    ...results.scrapes.flatMap(scrapeRows),
    ...results.queues.flatMap(queueRows),
    ...results.pools.flatMap(poolRows),
    ...results.retentions.flatMap(retentionRows),
    ...results.fanOuts.flatMap(fanOutRows),
    ...archiveRows(results),
  ]
  const cells = [['', 'measured', 'target'] as Row, ...rows]
  const widths = [0, 1, 2].map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`
  const [head = ['', '', ''], ...body] = cells
  const around = Object.values<{ surroundings: Surroundings }[]>({ ...results }).flatMap((measured) =>
    measured.map(({ surroundings }) => surroundings),
  )
  return [
    line(head),
    line(widths.map((width) => '-'.repeat(width))),
    ...body.map(line),
    '',
    `${machine}; Node.js ${node} ${settings.join(' ')}; drain of ${jobs} jobs, ${results.drains.length} times; latency for ${seconds} s.`,
    `Load before each cell ${around.map(({ load }) => load.toFixed(1)).join(', ')}; ` +
      `a fixed loop took ${around.map(({ loopMs }) => loopMs).join(', ')} ms.`,
  ].join('\n')
}

function queueRows({ queued, repositories, decision, order, fairness }: QueueResult): Row[] {
  const what = `${queued} waiting jobs of ${repositories} repositories`
  return [
    [`a free slot to its job, ${what}, p50 in ms`, decision.p50.toFixed(3), ''],
    ['the same, p99 in ms', decision.p99.toFixed(3), '< 1'],
    ['their whole order, in ms', order.toFixed(1), ''],
    ["Jain's index of the slots of the repositories while all wait", fairness.toFixed(3), '>= 0.95'],
  ]
}

function poolRows({ jobs, repositories, pools, ...measured }: PoolsResult): Row[] {
  const { freeBefore, freeAfter, limited, ratio, rawDifference, fairness } = measured
  const seconds = ({ p50, p99 }: PoolsRun['wait']): string => `${p50.toFixed(1)}, ${p99.toFixed(1)}`
  const free = mean([freeBefore.rate, freeAfter.rate])
  return [
    [
      `${jobs} jobs of ${repositories} repositories over ${pools} pools with limits, of the rate without`,
      `${ratio.toFixed(2)} (${limited.rate.toFixed(0)}/s, without ${free.toFixed(0)}/s)`,
      '>= 0.90',
    ],
    ['without limits before and after differ by %', (rawDifference * 100).toFixed(0), '<= 15'],
    ["Jain's index of the ended jobs of the repositories while all wait", fairness.toFixed(3), '>= 0.95'],
    ['wait for a pod, p50 and p99 in s', seconds(limited.wait), ''],
    ['the same without limits', seconds(freeAfter.wait), ''],
    ['the same of the repository that waits longest, with limits', seconds(limited.longest), ''],
    ['writes per job, with and without limits', [limited, freeAfter].map(perJob).join(', '), ''],
  ]
}

function perJob({ writes }: PoolsRun): string {
  return writes.perJob.toFixed(2)
}

/** The deletion may not disturb jobs that arrive, it has to end, and no total may fall with it. */
function retentionRows({ deleted, rate, ...measured }: RetentionResult): Row[] {
  const { during, alone, ratio, rawDifference, deletionSeconds, mostSeconds, totals, unseen } = measured
  const row = (kind: 'p50' | 'p99', target: string): Row => [
    `latency at ${rate}/s while ${deleted} finished jobs are deleted, ${kind} of that without`,
    `${ratio[kind].toFixed(2)} (${during[kind].toFixed(1)} ms, without ${alone[kind].toFixed(1)} ms)`,
    target,
  ]
  const missed = [
    ...(rawDifference > 0.15 ? ['the machine was not quiet'] : []),
    ...(ratio.p50 > 1.5 || ratio.p99 > 3 ? ['new jobs were slower'] : []),
    ...(deletionSeconds === undefined ? ['the deletion did not end'] : []),
    ...(totals.falls > 0 ? ['totals fell'] : []),
    ...(unseen > 0 ? ['pods were not seen'] : []),
  ]
  return [
    row('p50', '<= 1.5'),
    row('p99', '<= 3'),
    ['p50 without, before and after differ by %', (rawDifference * 100).toFixed(0), '<= 15'],
    ['time for the deletion, s', deletionSeconds?.toFixed(0) ?? 'did not end', `<= ${mostSeconds}`],
    [`metric totals that fell, in ${totals.scrapes} scrapes`, String(totals.falls), '0'],
    ['jobs whose pods were not seen within a minute', String(unseen), '0'],
    ['retention', missed.length === 0 ? 'passed' : `failed: ${missed.join(', ')}`, 'passed'],
  ]
}

function scrapeRows({ jobs, series, p50, p99 }: ScrapeResult): Row[] {
  return [
    [`scrape of the metrics of ${jobs} jobs, p50 in ms`, p50.toFixed(1), ''],
    ['the same, p99 in ms', p99.toFixed(1), '< 20'],
    ['series in it', String(series), '< 600'],
  ]
}

function drainRows(drains: readonly DrainResult[]): Row[] {
  const row = (what: string, pick: (drain: DrainResult) => number, digits: number, target = ''): Row => [
    what,
    spread(drains.map(pick), digits),
    target,
  ]
  return [
    row('drain, of the raw rate', ({ ratio }) => ratio.overall, 2, '>= 0.70'),
    row('drain, of the raw rate, 10 to 90 % of pods', ({ ratio }) => ratio.middle, 2),
    row('drain, pods per second', ({ operator }) => operator.rate.overall, 0),
    row('raw before, pods per second', ({ rawBefore }) => rawBefore.overall, 0),
    row('raw after, pods per second', ({ rawAfter }) => rawAfter.overall, 0),
    row('raw before and after differ by %', ({ rawDifference }) => rawDifference * 100, 0, '<= 15'),
    row('start of the process to first pod, s', ({ operator }) => operator.secondsToFirstPod, 2),
    row('writes per job', ({ operator }) => operator.writes.perJob, 2, '3.00'),
    row('status writes before the last pod create', ({ operator }) => operator.writes.statusBeforeLastPod, 0),
    row('writes after the last pod create', ({ operator }) => operator.writes.afterLastPod.writes, 0),
    row('time for these, s', ({ operator }) => operator.writes.afterLastPod.seconds, 1),
    row('Events', ({ operator }) => operator.writes.others.events, 0),
    row('Lease writes', ({ operator }) => operator.writes.others.leases, 0),
    row('reviews', ({ operator }) => operator.writes.others.reviews, 0),
    row('dry runs', ({ operator }) => operator.writes.others.dryRuns, 0),
    row('deletes', ({ operator }) => operator.writes.others.deletes, 0),
    row('writes to pools', ({ operator }) => operator.writes.others.pools, 0),
    row('other writes', ({ operator }) => operator.writes.others.other, 0),
    row('refused writes', ({ operator }) => operator.writes.refused, 0),
    row('operator CPU s per 1,000 jobs, until the last pod', ({ operator }) => operator.cost.client, 2),
    row('operator CPU s per 1,000 jobs, all', ({ operator }) => operator.quietCost.client, 2, '<= 1.5'),
    row('API server and etcd CPU s per 1,000 jobs, until then', ({ operator }) => operator.cost.server, 2),
    row('API server and etcd CPU s per 1,000 jobs, all', ({ operator }) => operator.quietCost.server, 2, '<= 7'),
    row('raw client CPU s per 1,000 jobs', ({ rawCost }) => rawCost.client, 2),
    row('API server and etcd CPU s per 1,000 raw jobs', ({ rawCost }) => rawCost.server, 2),
    row('peak RSS, MB', ({ operator }) => operator.peakRssMb, 0, '<= 136'),
    row('drain, of the floor', ({ ofFloor }) => ofFloor.operator, 2, '>= 0.75'),
    row('Job controller, of the floor', ({ ofFloor }) => ofFloor.jobController, 2),
    row('Job controller, pods per second', ({ jobController }) => jobController.rate.overall, 0),
    row('Job controller, CPU s per 1,000 jobs', ({ jobController }) => jobController.cost.client, 2),
    row(
      'Job controller, API server and etcd CPU s per 1,000 jobs',
      ({ jobController }) => jobController.cost.server,
      2,
    ),
    row('Job controller, peak RSS, MB', ({ jobController }) => jobController.peakRssMb, 0),
    row('floor before, pods per second', ({ floor }) => floor[0].rate.overall, 0),
    row('floor after, pods per second', ({ floor }) => floor[1].rate.overall, 0),
    row('floor, CPU s per 1,000 jobs', ({ floor }) => mean(floor.map(({ cost }) => cost.client)), 2),
    row(
      'floor, API server and etcd CPU s per 1,000 jobs',
      ({ floor }) => mean(floor.map(({ cost }) => cost.server)),
      2,
    ),
  ]
}

function latencyRows(latency: LatencyResult): Row[] {
  const { rate, raw, operator, ratio, rawDifference, jobController, floor, ofJobController } = latency
  const both = (kind: 'p50' | 'p99'): string =>
    `${ratio[kind].toFixed(2)} (${operator[kind].toFixed(1)} ms, raw ${raw[kind].toFixed(1)} ms)`
  const ofJob = (kind: 'p50' | 'p99'): string =>
    `${ofJobController[kind].toFixed(2)} (${operator[kind].toFixed(1)} ms, its ${jobController[kind].toFixed(1)} ms)`
  return [
    [`latency at ${rate}/s, p50 of raw`, both('p50'), '<= 2.5'],
    [`latency at ${rate}/s, p99 of raw`, both('p99'), '<= 5'],
    [`raw p50 before and after differ by %`, (rawDifference * 100).toFixed(0), '<= 15'],
    [`latency at ${rate}/s, p50 of the Job controller`, ofJob('p50'), '<= 1.8'],
    [`latency at ${rate}/s, p99 of the Job controller`, ofJob('p99'), '<= 2'],
    [`floor at ${rate}/s, p50 and p99 in ms`, `${floor.p50.toFixed(1)}, ${floor.p99.toFixed(1)}`, ''],
  ]
}

function delegationRows(delegations: DelegationResult): Row[] {
  const { raw, facade, ratio, rawDifference, unwatched, cpu, ofFloor, floorRate } = delegations
  const taken = ({ rate, p50, p99 }: DelegationResult['raw']): string =>
    `${rate.toFixed(0)}/s, p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms`
  return [
    ['delegations, 64 in flight, of RunnerJobs posted raw', `${ratio.toFixed(2)} (${taken(facade)})`, '>= 0.70'],
    [
      'delegations, of RunnerJobs posted by the client in Go',
      `${ofFloor.toFixed(2)} (${floorRate.toFixed(0)}/s)`,
      '>= 0.75',
    ],
    ['RunnerJobs posted raw', taken(raw), ''],
    ['raw before and after differ by %', (rawDifference * 100).toFixed(0), '<= 15'],
    [
      'delegations, of RunnerJobs posted raw that no operator watches',
      `${(facade.rate / unwatched.rate).toFixed(2)} (raw ${taken(unwatched)})`,
      '',
    ],
    [
      'facade CPU s per 1,000 delegations',
      `${cpu.facade.toFixed(2)} (raw, for watching, ${cpu.watching.toFixed(2)})`,
      '',
    ],
    [
      'API server and etcd CPU s per 1,000 delegations',
      `${cpu.server.toFixed(2)} (raw ${cpu.serverRaw.toFixed(2)})`,
      '',
    ],
  ]
}

function handOverRows({ plain, handedOver, ratio, rawDifference, times }: HandOverResult): Row[] {
  const taken = ({ rate, p50, p99 }: HandOverResult['plain']): string =>
    `${rate.toFixed(0)}/s, p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms`
  return [
    [
      'hand-overs of 20 kB, 16 in flight, of plain delegations',
      `${ratio.toFixed(2)} (${taken(handedOver)})`,
      '>= 0.25',
    ],
    ['plain delegations, 16 in flight', taken(plain), ''],
    ['plain before and after differ by %', (rawDifference * 100).toFixed(0), '<= 15'],
    ['from the frame on the proxy to the Worker, without the node, p50 in ms', times.frameToWorker.toFixed(0), ''],
    ['from the frame to the pod, p50 in ms', times.frameToPod.toFixed(0), ''],
    ['from a plain delegation to the pod, p50 in ms', times.plainToPod.toFixed(0), ''],
  ]
}

function startRows({ jobs, readyMs, idleRssMb }: StartResult): Row[] {
  return [
    [`start of the process to /readyz, ${jobs} jobs, s`, (readyMs / 1000).toFixed(2), jobs === 0 ? '< 1' : '< 3'],
    [`idle RSS, ${jobs} jobs, MB`, idleRssMb.toFixed(0), jobs === 0 ? '< 90' : ''],
  ]
}

function listRows({ jobs, pages, peakRssMb }: ListResult): Row[] {
  return [
    ...pages.map(
      ({ page, p50, p99 }): Row => [
        `page of 50 out of ${jobs} jobs, ${page}, p99, ms`,
        `${p99.toFixed(1)} (p50 ${p50.toFixed(1)})`,
        '< 10',
      ],
    ),
    [`peak RSS with ${jobs} jobs, MB`, peakRssMb.toFixed(0), ''],
  ]
}

function fanOutRows({ clients, bare, raw, socketIo, ratio, rawDifference }: FanOutResult): Row[] {
  const speed = ({ rate, cpu }: FanOutResult['raw']): string =>
    `${(rate / 1000).toFixed(0)} k/s, ${cpu.toFixed(1)} us CPU each`
  return [
    [`events to ${clients} WebSockets, of a bare broadcast`, `${ratio.raw.toFixed(2)} (${speed(raw)})`, '>= 0.70'],
    [`events to ${clients} Socket.IO clients, of the same`, `${ratio.socketIo.toFixed(2)} (${speed(socketIo)})`, ''],
    [`bare broadcast to ${clients}`, speed(bare), ''],
    ['events twice or out of order', String(raw.wrong + socketIo.wrong), '0'],
    ['bare before and after differ by %', (rawDifference * 100).toFixed(0), '<= 15'],
  ]
}

function spread(values: readonly number[], digits: number): string {
  const text = (value: number): string => value.toFixed(digits)
  const [low, high] = [quantile(values, 0), quantile(values, 1)].map(text)
  return low === high ? text(median(values)) : `${text(median(values))} (${low} to ${high})`
}
