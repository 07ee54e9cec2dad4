/** What is measured of an operator; a leak shows as growth of one of these. */
export const measures = {
  rssMiB: { label: 'resident memory, MiB', series: 'process_resident_memory_bytes', unit: 1 / 2 ** 20 },
  descriptors: { label: 'file descriptors', series: 'process_open_fds', unit: 1 },
  timers: { label: 'timers', series: 'nodejs_active_resources{type="Timeout"}', unit: 1 },
  handles: { label: 'other resources', series: 'nodejs_active_resources', unit: 1 },
  loopMs: { label: 'event-loop delay p99, ms', series: 'nodejs_eventloop_lag_p99_seconds', unit: 1000 },
} as const

export type Measure = keyof typeof measures

/** The names of all measures. */
export const allMeasures: readonly Measure[] = ['rssMiB', 'descriptors', 'timers', 'handles', 'loopMs']

/** The figures of an operator at one time. */
export type Sample = { atMs: number } & Record<Measure, number>

/** Reads a sample from the metrics of an operator; a figure that is not exported is NaN. */
export function sampleOf(atMs: number, metrics: ReadonlyMap<string, number>): Sample {
  const read = (name: Measure): number => (metrics.get(measures[name].series) ?? Number.NaN) * measures[name].unit
  const resources = [...metrics].filter(([series]) => series.startsWith(`${measures.handles.series}{`))
  const timers = metrics.get(measures.timers.series) ?? 0
  const all = resources.length === 0 ? Number.NaN : resources.reduce((sum, [, count]) => sum + count, 0)
  return {
    atMs,
    rssMiB: read('rssMiB'),
    descriptors: read('descriptors'),
    timers: resources.length === 0 ? Number.NaN : timers,
    handles: all - timers,
    loopMs: read('loopMs'),
  }
}
