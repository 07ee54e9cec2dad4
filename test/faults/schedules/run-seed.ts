import type { NodeLogs } from '../../kubelet/logs.ts'
import { report } from '../../site/report.ts'
import { arrivalsOf } from './arrivals.ts'
import { type Healed, inject } from './inject.ts'
import { everyLogIsStored } from './stored-logs.ts'
import { Load } from './load.ts'
import { everyJobEnds, idleWritesNothing, nothingOrphaned, onePodPerAttempt } from './oracles.ts'
import type { Pair } from './pair.ts'
import { recoveriesOf, type Recovery } from './recovery.ts'
import { inWords, replicas, scheduleOf } from './schedule.ts'

/** How long and how hard one seed is tried. */
export interface Trial {
  loadMs: number
  perSecond: number
  /** How long nothing may be written at the end. */
  idleMs: number
  /** The limit for each oracle, after the faults. */
  settleMs: number
}

/** The violations of one invariant that a report shows. */
const SHOWN = 8

/** What a seed is tried on. */
export interface Stage {
  pair: Pair
  logs: NodeLogs
}

/** Runs the load and the faults of a seed, and then checks every invariant; throws a report if one does not hold. */
export async function runSeed(seed: number, { pair, logs }: Stage, trial: Trial): Promise<Recovery[]> {
  const { site } = pair
  const audit = site.plane.audit()
  await audit.mark()
  const faults = scheduleOf(seed, trial.loadMs)
  const load = new Load(site, arrivalsOf(seed, trial), {
    facades: () => replicas.map((replica) => pair.operator(replica)),
    logs,
  })
  const limit = AbortSignal.timeout(trial.loadMs + 2 * trial.settleMs)
  let healed: Healed[] = []
  const late = await Promise.all([load.run(limit), inject(faults, pair, limit)]).then(
    ([, all]) => {
      healed = all
      return []
    },
    (error: unknown) => [`the load did not end: ${String(error)}`],
  )
  const found: [invariant: string, violations: string[]][] = [
    ['I2 every acknowledged job ends', [...late, ...(await everyJobEnds(site, load, trial.settleMs))]],
    ['every log is stored whole', await everyLogIsStored(site, load.acknowledged, trial.settleMs)],
    ['I5 nothing is orphaned', await nothingOrphaned(site, trial.settleMs)],
    ['I6 no writes when idle', await idleWritesNothing(site, trial.idleMs, trial.settleMs)],
    ['I1 one pod for each attempt', await onePodPerAttempt(site, audit)],
    ['I4 the status only moves forward', site.history.violations],
    ['I7 the facade answers as documented', load.problems],
    ['no operator crashes', pair.crashes()],
  ]
  const violated = found.filter(([, violations]) => violations.length > 0)
  if (violated.length === 0) return recoveriesOf(healed, load.starts())
  const seconds = trial.loadMs / 1000
  throw new Error(
    [
      `seed ${seed} violates ${violated.map(([invariant]) => invariant).join('; ')}`,
      ...faults.map((fault) => `  ${inWords(fault)}`),
      ...violated.flatMap(([invariant, violations]) => [
        `--- ${invariant}: ${violations.length} violations`,
        ...violations.slice(0, SHOWN),
      ]),
      `--- again: make faults SEED=${seed} SECONDS=${seconds} RATE=${trial.perSecond}`,
      await report(site.client, { namespace: site.namespace, operators: pair.running() }),
    ].join('\n'),
  )
}
