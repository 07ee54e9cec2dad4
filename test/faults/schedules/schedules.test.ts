import { randomInt } from 'node:crypto'
import { type NodeLogs, serveLogs } from '../../kubelet/logs.ts'
import { sharedPlane } from '../../site/plane.ts'
import { Pair } from './pair.ts'
import { recoveryInWords, type Recovery, worstRecoveries } from './recovery.ts'
import { runSeed } from './run-seed.ts'
import { inWords, scheduleOf } from './schedule.ts'
import { settingsOf } from './settings.ts'

const { seeds, loadMs, perSecond } = settingsOf(process.env, () => randomInt(1, 100_000_000))
const isShort = loadMs < 15_000
/** The default in a long load; a short one is over before that. */
const leaseSeconds = isShort ? 5 : 15
const trial = { loadMs, perSecond, idleMs: isShort ? 1500 : 15_000, settleMs: 60_000 + loadMs / 2 }

describe(`random faults under ${perSecond} jobs per second lose no job, run none twice, and leave nothing`, function () {
  this.timeout(trial.loadMs + 12 * trial.settleMs)
  const together = new Map<number, Promise<void>>()
  const recoveries: Recovery[] = []
  let logs: NodeLogs

  async function tried(seed: number): Promise<void> {
    const pair = await Pair.open({ maxRunners: perSecond * 20, leaseSeconds })
    try {
      const seen = await runSeed(seed, { pair, logs }, trial)
      recoveries.push(...seen)
      if (!isShort) for (const each of seen) console.log(`      ${recoveryInWords(each)}`)
    } catch (error) {
      // The report of mocha comes only after the last seed.
      if (!isShort) console.error(error)
      throw error
    } finally {
      await pair.close()
    }
  }

  // Short loads run side by side. Long ones do not, since their faults may stop the API server.
  before(async () => {
    logs = await serveLogs((await sharedPlane()).client)
    for (const seed of isShort ? seeds.slice(0, 3) : []) {
      const result = tried(seed)
      result.catch(() => {}) // its own test reports the failure
      together.set(seed, result)
    }
  })

  after(async () => {
    if (!isShort) for (const line of worstRecoveries(recoveries)) console.log(`    ${line}`)
    await logs.close()
  })

  for (const seed of seeds) {
    const faults = scheduleOf(seed, loadMs).map(inWords).join('; ')
    it(`seed ${seed}: ${faults}`, () => together.get(seed) ?? tried(seed))
  }
})
