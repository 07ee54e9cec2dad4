import { Histogram, type HistogramConfiguration, Summary } from 'prom-client'

/** The counts of a histogram that is kept elsewhere. */
export interface HistogramSnapshot {
  /** Upper bounds, without infinity. */
  bounds: readonly number[]
  /** Observations up to each bound; the last is the total. */
  within: readonly number[]
  sum: number
}

type Options = Pick<HistogramConfiguration<never>, 'name' | 'help' | 'registers'>
type Exported = Awaited<ReturnType<Summary<'le'>['get']>>

/**
 * A histogram that exports a snapshot at each scrape, or no series if there is none. Its class is Summary, because
 * prom-client reads a Summary through the public `get`, and a Histogram through a method that is not part of its API.
 */
export class SnapshotHistogram extends Summary<'le'> {
  /** Has no registry: provides name, help and type. */
  readonly #empty: Histogram
  readonly #name: string
  readonly #read: () => HistogramSnapshot | undefined

  constructor({ name, help, registers }: Options, read: () => HistogramSnapshot | undefined) {
    super({ name, help, labelNames: ['le'], ...(registers !== undefined && { registers }) })
    this.#empty = new Histogram({ name, help, registers: [] })
    this.#name = name
    this.#read = read
  }

  override async get(): Promise<Exported> {
    const snapshot = this.#read()
    const values = snapshot === undefined ? [] : valuesOf(this.#name, snapshot)
    return { ...(await this.#empty.get()), values }
  }
}

function valuesOf(name: string, { bounds, within, sum }: HistogramSnapshot): Exported['values'] {
  const all = within.at(-1) ?? 0
  const bucket = (le: number | '+Inf', value = 0) => ({ metricName: `${name}_bucket`, labels: { le }, value })
  return [
    ...bounds.map((bound, index) => bucket(bound, within[index])),
    bucket('+Inf', all),
    { metricName: `${name}_sum`, labels: {}, value: sum },
    { metricName: `${name}_count`, labels: {}, value: all },
  ]
}
