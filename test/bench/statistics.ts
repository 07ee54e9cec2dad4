/** The value below which this share of the values lies (nearest rank); NaN of nothing. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** How far two values differ, as a share of the smaller one. */
export function difference(a: number, b: number): number {
  return Math.abs(a - b) / Math.min(a, b)
}

/** How fast things happened, in events per second. */
export interface Rate {
  /** From the first to the last one. */
  overall: number
  /** Between the tenth and the ninetieth percent, where neither start nor tail counts. */
  middle: number
}

/** The rate of events that happened at these times, given in milliseconds in any order. */
export function rateOf(timesMs: readonly number[]): Rate {
  const sorted = timesMs.toSorted((a, b) => a - b)
  const between = (from: number, to: number): number =>
    ((to - from) * 1000) / ((sorted[to] ?? Number.NaN) - (sorted[from] ?? Number.NaN))
  const last = sorted.length - 1
  return { overall: between(0, last), middle: between(Math.floor(last * 0.1), Math.floor(last * 0.9)) }
}

/** Jain's index of fairness: 1 if all have the same. */
export function jain(shares: readonly number[]): number {
  const sum = shares.reduce((a, b) => a + b, 0)
  return sum ** 2 / (shares.length * shares.reduce((total, share) => total + share ** 2, 0))
}
