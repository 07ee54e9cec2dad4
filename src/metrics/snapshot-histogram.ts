import { Histogram, type HistogramConfiguration } from 'prom-client'

/** The counts of a histogram, which are kept elsewhere. */
export interface Told {
  /** Upper bounds, without infinity. */
  bounds: readonly number[]
  /** Observations up to each bound, and at the end all. */
  within: readonly number[]
  sum: number
}

type Options = Pick<HistogramConfiguration<never>, 'name' | 'help' | 'registers'>

/** A histogram that observes nothing itself: at each scrape it exports what it is told, or nothing. */
export class SnapshotHistogram extends Histogram<never> {
  readonly #options: Options
  readonly #read: () => Told | undefined

  constructor(options: Options, read: () => Told | undefined) {
    super(options)
    this.#options = options
    this.#read = read
  }

  /** Where prom-client takes the values from, of histograms alone. */
  getForPromString() {
    const { name, help } = this.#options
    const told = this.#read()
    const values = told === undefined ? [] : valuesOf(name, told)
    return Promise.resolve({ name, help, type: 'histogram', values, aggregator: 'first' })
  }
}

function valuesOf(name: string, { bounds, within, sum }: Told) {
  const all = within.at(-1) ?? 0
  const bucket = (le: number | '+Inf', value = 0) => ({ metricName: `${name}_bucket`, labels: { le }, value })
  return [
    ...bounds.map((bound, index) => bucket(bound, within[index])),
    bucket('+Inf', all),
    { metricName: `${name}_sum`, labels: {}, value: sum },
    { metricName: `${name}_count`, labels: {}, value: all },
  ]
}
