import { expect } from 'chai'
import { command } from '../../processes/command.ts'
import { settingsOf } from '../../faults/schedules/settings.ts'

const anySeed = () => 500

describe('the settings of make faults', () => {
  it('are three short, known seeds in a run of the suites', () => {
    const { seeds, loadMs } = settingsOf({ SECONDS: '70', SEEDS: '9' }, anySeed)
    expect(seeds).to.have.length(3)
    expect(settingsOf({}, () => 1).seeds).to.deep.equal(seeds)
    expect(loadMs).to.be.below(10_000)
  })

  it('are new seeds, as many as asked for', () => {
    const asked = { FAULT_SEEDS: '20', FAULT_SEED: '', FAULT_SECONDS: '60', FAULT_RATE: '20' }
    const seeds = Array.from({ length: 20 }, (_, index) => 500 + index)
    expect(settingsOf(asked, anySeed)).to.deep.equal({ seeds, loadMs: 60_000, perSecond: 20 })
  })

  it('are what make passes on', async () => {
    const printed = await command(
      'make',
      '--dry-run',
      '--no-print-directory',
      'faults',
      'SEEDS=20',
      'SECONDS=30',
      'RATE=5',
    )
    expect(printed).to.include("FAULT_SEEDS='20' FAULT_SEED='' FAULT_SECONDS='30' FAULT_RATE='5'")
    const again = await command('make', '--dry-run', '--no-print-directory', 'faults', 'SEED=4')
    expect(again).to.include("FAULT_SEEDS='3' FAULT_SEED='4' FAULT_SECONDS='60' FAULT_RATE='20'")
  })

  it('repeat one seed', () => {
    expect(settingsOf({ FAULT_SEEDS: '3', FAULT_SEED: '7' }, anySeed).seeds).to.deep.equal([7])
  })

  for (const [name, text] of [
    ['SEEDS', '0'],
    ['SEED', 'x'],
    ['SECONDS', '-1'],
    ['RATE', '1.5'],
  ] as const) {
    it(`name the one that is no number: ${name}`, () => {
      const env = { FAULT_SEEDS: '3', [`FAULT_${name}`]: text }
      expect(() => settingsOf(env, anySeed)).to.throw(TypeError, `${name}=${text}: must be a whole number from 1 up`)
    })
  }
})
