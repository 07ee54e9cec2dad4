import { allMeasures, type Measure, measures, type Sample } from './sample.ts'

/** The growth that noise explains, whatever the duration, and the slope that a long run may have. */
export const bounds: Readonly<Record<Measure, { noise: number; perHour: number }>> = {
  rssMiB: { noise: 20, perHour: 8 },
  descriptors: { noise: 8, perHour: 1 },
  timers: { noise: 20, perHour: 2 },
  handles: { noise: 12, perHour: 1 },
  loopMs: { noise: 50, perHour: 10 },
}

/** The least number of samples from which a slope is drawn. */
const ENOUGH = 6
const HOUR_MS = 3_600_000
/** The longest start that does not count: caches, compiled code and the heap take their size. */
const WARM_UP_MS = 10 * 60_000

/** One measure of one operator over the whole run. */
export interface Trend {
  measure: Measure
  first: number
  last: number
  slopePerHour: number
  /** The growth of the run by its slope, and what is allowed. */
  growth: number
  allowed: number
}

/** The judgement of a run. */
export interface Verdict {
  trends: readonly Trend[]
  /** Why the run failed; nothing if it passed. */
  failures: readonly string[]
}

/** Judges the samples of an operator: each measure is flat, but for noise, once it has warmed up. */
export function verdictOf(samples: readonly Sample[]): Verdict {
  const warm = warmedUp(samples)
  if (warm.length < ENOUGH) return { trends: [], failures: [`only ${warm.length} samples after the warm-up`] }
  const trends = allMeasures.map((measure) => trendOf(measure, warm))
  const failures = trends.flatMap(({ measure, growth, allowed }) => {
    const { label } = measures[measure]
    if (Number.isNaN(growth)) return [`${label}: some samples have no figure`]
    return growth > allowed ? [`${label}: grew by ${growth.toFixed(1)}, and ${allowed.toFixed(1)} is allowed`] : []
  })
  return { trends, failures }
}

/** The samples after the warm-up: ten minutes, but at most two fifths of the run. */
function warmedUp(samples: readonly Sample[]): readonly Sample[] {
  const begin = samples[0]?.atMs ?? 0
  const end = samples.at(-1)?.atMs ?? begin
  const from = begin + Math.min(WARM_UP_MS, (end - begin) * 0.4)
  return samples.filter(({ atMs }) => atMs >= from)
}

function trendOf(measure: Measure, samples: readonly Sample[]): Trend {
  const points = samples.map((sample): Point => [sample.atMs / HOUR_MS, sample[measure]])
  const [begin, first] = points[0] ?? [Number.NaN, Number.NaN]
  const [end, last] = points.at(-1) ?? [Number.NaN, Number.NaN]
  const isWhole = points.every(([, value]) => Number.isFinite(value))
  const slopePerHour = isWhole ? slopeOf(points) : Number.NaN
  const { noise, perHour } = bounds[measure]
  const hours = end - begin
  return { measure, first, last, slopePerHour, growth: slopePerHour * hours, allowed: noise + perHour * hours }
}

type Point = readonly [at: number, value: number]

/** The most points of which all pairs are compared. */
const MOST = 200

/** The median slope of all pairs (Theil-Sen): a garbage collection or a single burst moves it little. */
export function slopeOf(points: readonly Point[]): number {
  const step = Math.ceil(points.length / MOST)
  const some = points.filter((_, index) => index % step === 0)
  const slopes = some.flatMap(([at, value], index) =>
    some.slice(index + 1).map(([later, next]) => (next - value) / (later - at)),
  )
  const sorted = slopes.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** A trend in words. */
export function inWords({ measure, first, last, slopePerHour, growth, allowed }: Trend): string {
  const [from, to, slope, grown, limit] = [first, last, slopePerHour, growth, allowed].map((value) => value.toFixed(1))
  const { label } = measures[measure]
  return `${label.padEnd(25)} ${from} -> ${to}, slope ${slope} per hour, growth ${grown} of ${limit} allowed`
}
