import { soak } from './soak.ts'
import { soakSettings } from './settings.ts'

const settings = soakSettings(process.env)

describe(`two replicas under ${settings.perSecond} jobs per second for ${settings.minutes} minutes`, function () {
  this.timeout((settings.minutes + 10) * 60_000)

  it('lose no job, and grow in no measure', () => soak(settings, (line) => console.log(`    ${line}`)))
})
