import { expect } from 'chai'
import { limitSettings } from '../../limits/settings.ts'
import { command } from '../../processes/command.ts'

describe('the settings of make limits', () => {
  it('are what make passes on', async () => {
    const printed = await command('make', '--dry-run', '--no-print-directory', 'limits', 'JOBS=500')
    expect(printed).to.include("LIMIT_CONNECTIONS='10000' LIMIT_JOBS='500' LIMIT_HEAP='128'")
    const env = { LIMIT_CONNECTIONS: '10000', LIMIT_JOBS: '500', LIMIT_HEAP: '128' }
    expect(limitSettings(env)).to.deep.equal({ connections: 10_000, jobs: 500, heapMib: 128 })
  })

  it('name the one that is no number', () => {
    const env = { LIMIT_CONNECTIONS: '1', LIMIT_JOBS: '0', LIMIT_HEAP: '1' }
    expect(() => limitSettings(env)).to.throw(TypeError, 'JOBS=0: must be a whole number from 1 up')
  })
})
