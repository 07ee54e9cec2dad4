import { randomInt } from 'node:crypto'
import { Pair } from './pair.ts'
import { runSeed } from './run-seed.ts'
import { inWords, scheduleOf } from './schedule.ts'
import { settingsOf } from './settings.ts'

const { seeds, loadMs, perSecond } = settingsOf(process.env, () => randomInt(1, 100_000_000))
const isShort = loadMs < 15_000
const trial = { loadMs, perSecond, idleMs: isShort ? 1500 : 15_000, settleMs: 60_000 + loadMs / 2 }

async function tried(seed: number): Promise<void> {
  const pair = await Pair.open(perSecond * 20)
  try {
    await runSeed(seed, pair, trial)
  } finally {
    await pair.close()
  }
}

describe(`random faults under ${perSecond} jobs per second lose no job, run none twice, and leave nothing`, function () {
  this.timeout(trial.loadMs + 4 * trial.settleMs)
  const together = new Map<number, Promise<void>>()

  // Short loads run side by side. Long ones do not, since their faults may stop the API server.
  before(() => {
    for (const seed of isShort ? seeds.slice(0, 3) : []) {
      const result = tried(seed)
      result.catch(() => {}) // its own test reports the failure
      together.set(seed, result)
    }
  })

  for (const seed of seeds) {
    const faults = scheduleOf(seed, loadMs).map(inWords).join('; ')
    it(`seed ${seed}: ${faults}`, () => together.get(seed) ?? tried(seed))
  }
})
