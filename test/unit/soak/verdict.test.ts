import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { command } from '../../processes/command.ts'
import { samplesOf } from '../../objects/samples.ts'
import { allMeasures, type Measure, measures, type Sample, sampleOf } from '../../soak/sample.ts'
import { soakSettings } from '../../soak/settings.ts'
import { bounds, inWords, slopeOf, verdictOf } from '../../soak/verdict.ts'

const level: Record<Measure, number> = { rssMiB: 90, descriptors: 30, timers: 12, handles: 25, loopMs: 12 }

/** A sample every ten seconds; each measure as a function of the hours since the begin. */
function run(minutes: number, change: Partial<Record<Measure, (hours: number, index: number) => number>>): Sample[] {
  return Array.from({ length: minutes * 6 }, (_, index) => {
    const changed = Object.entries(change).map(([name, value]): [string, number] => [name, value(index / 360, index)])
    return { ...level, ...Object.fromEntries(changed), atMs: index * 10_000 }
  })
}

const failuresOf = (samples: readonly Sample[]) => verdictOf(samples).failures

describe('the verdict of a soak', () => {
  for (const minutes of [2, 10, 120]) {
    it(`passes what is flat, whatever garbage collections do: ${minutes} min`, () => {
      const saw = (_: number, index: number): number => 90 + (index % 7) * 2
      const burst = (_: number, index: number): number => (index % 50 === 3 ? 400 : 12)
      const { trends, failures } = verdictOf(run(minutes, { rssMiB: saw, loopMs: burst }))
      expect(failures).to.deep.equal([])
      expect(trends.map(({ measure }) => measure)).to.deep.equal(allMeasures)
    })
  }

  it('ignores the warm-up', () => {
    expect(failuresOf(run(120, { rssMiB: (hours) => Math.min(90, 30 + hours * 600) }))).to.deep.equal([])
  })

  const leaks: [measure: Measure, perHour: number, reason: RegExp][] = [
    ['rssMiB', 25, /^resident memory, MiB: grew by 45\.\d, and 34\.\d is allowed$/],
    ['descriptors', 8, /^file descriptors: grew by/],
    ['timers', 20, /^timers: grew by/],
    ['handles', 12, /^other resources: grew by/],
    ['loopMs', 60, /^event-loop delay p99, ms: grew by/],
  ]
  for (const [measure, perHour, reason] of leaks) {
    it(`fails growth in two hours, with its figures: ${measure}`, () => {
      const [failure, ...others] = failuresOf(
        run(120, { [measure]: (hours: number) => level[measure] + hours * perHour }),
      )
      expect(failure).to.match(reason)
      expect(others).to.deep.equal([])
    })
  }

  it('fails a fast leak within ten minutes', () => {
    expect(failuresOf(run(10, { rssMiB: (hours) => 90 + hours * 300 }))).to.have.length(1)
  })

  it('fails a run without a figure, or with too few samples', () => {
    const unknown = failuresOf(run(10, { timers: (_, index) => (index === 40 ? Number.NaN : 12) }))
    expect(unknown).to.deep.equal(['timers: some samples have no figure'])
    expect(failuresOf(run(1, {}).slice(0, 4))).to.deep.equal(['only 2 samples after the warm-up'])
    expect(failuresOf([])).to.deep.equal(['only 0 samples after the warm-up'])
  })

  it('has a line for each measure', () => {
    const [memory] = verdictOf(run(120, { rssMiB: (hours) => 90 + hours * 6 })).trends.map(inWords)
    expect(memory).to.equal('resident memory, MiB      91.0 -> 102.0, slope 6.0 per hour, growth 11.0 of 34.6 allowed')
  })

  it('has the bounds of docs/reliability.md', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../docs/reliability.md'), 'utf8')
    for (const measure of allMeasures) {
      const { noise, perHour } = bounds[measure]
      expect(page).to.include(`\n| ${measures[measure].label} | ${noise} | ${perHour} |\n`)
    }
  })

  it('draws its slopes from a bounded number of pairs', () => {
    const points = Array.from({ length: 100_000 }, (_, index): [number, number] => [index, index * 3])
    expect(slopeOf(points)).to.equal(3)
  })
})

describe('a sample of a soak', () => {
  const text = [
    'process_resident_memory_bytes 104857600',
    'process_open_fds 31',
    'nodejs_active_resources{type="Timeout"} 7',
    'nodejs_active_resources{type="TCPSocketWrap"} 9',
    'nodejs_active_resources{type="PipeWrap"} 2',
    'nodejs_eventloop_lag_p99_seconds 0.012',
  ]

  it('is read from the metrics of an operator', () => {
    const read = sampleOf(5, samplesOf(text.join('\n')))
    expect(read).to.deep.equal({ atMs: 5, rssMiB: 100, descriptors: 31, timers: 7, handles: 11, loopMs: 12 })
  })

  it('has no figure where a metric is missing', () => {
    const missing = Object.entries(sampleOf(5, new Map())).filter(([, value]) => !Number.isNaN(value))
    expect(missing).to.deep.equal([['atMs', 5]])
  })
})

describe('the settings of make soak', () => {
  it('are what make passes on', async () => {
    const printed = await command('make', '--dry-run', '--no-print-directory', 'soak', 'MINUTES=120')
    expect(printed).to.include("SOAK_MINUTES='120' SOAK_RATE='20'")
    expect(soakSettings({ SOAK_MINUTES: '120', SOAK_RATE: '20' })).to.deep.equal({ minutes: 120, perSecond: 20 })
  })

  it('name the one that is no number', () => {
    expect(() => soakSettings({ SOAK_MINUTES: '1h', SOAK_RATE: '20' })).to.throw(
      TypeError,
      'MINUTES=1h: must be a whole number from 1 up',
    )
  })
})
