import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'

interface Series {
  label: string
  /** Name of a state, whose colour it has. */
  colour: string
  kind: 'bars' | 'line'
  values: readonly (number | null)[]
}

interface ChartProps {
  title: string
  /** The one number that the chart is about. */
  figure: string
  note: string
  times: readonly number[]
  series: readonly Series[]
  format?: (value: number) => string
}

const HEIGHT = 140

/** A small chart with its number. The picture is for the eye: the number says the same in words. */
export function Chart({ title, figure, note, times, series, format }: ChartProps) {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const data: uPlot.AlignedData = [[...times], ...series.map(({ values }) => [...values])]
  const stepS = (times[1] ?? 0) - (times[0] ?? 0)
  const latest = useRef(data)
  latest.current = data
  useEffect(() => {
    const { current } = place
    if (current === null) return undefined
    const draw = (): void => {
      plot.current?.destroy()
      plot.current = new uPlot(optionsOf(current, { series, stepS, format }), latest.current, current)
    }
    draw()
    const observer = new ResizeObserver(() => plot.current?.setSize({ width: current.clientWidth, height: HEIGHT }))
    observer.observe(current)
    const dark = matchMedia('(prefers-color-scheme: dark)')
    dark.addEventListener('change', draw)
    return () => {
      observer.disconnect()
      dark.removeEventListener('change', draw)
      plot.current?.destroy()
      plot.current = null
    }
  }, [stepS])
  useEffect(() => plot.current?.setData(data), [times, series])
  return (
    <section class="card chart">
      <h2>{title}</h2>
      <p class="figure">
        <b>{figure}</b> <span class="muted">{note}</span>
      </p>
      <div ref={place} class="plot" role="img" aria-label={`${title}: ${figure}, ${note}`} />
    </section>
  )
}

const wholeSteps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000]

/** Steps of seconds that read well. */
const timeSteps = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21_600, 86_400]

/** A time of the day without seconds. */
function hour(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' })
}

interface Drawing {
  series: readonly Series[]
  /** Seconds between two values. */
  stepS: number
  format?: ((value: number) => string) | undefined
}

function optionsOf(place: HTMLElement, { series, stepS, format }: Drawing): uPlot.Options {
  const style = getComputedStyle(place)
  const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim()
  const axis = { stroke: colour('muted'), font: '11px system-ui', ticks: { show: false } }
  // Half an interval on both sides, so that the first and the last bar are whole.
  const range = (_: uPlot, min: number, max: number): [number, number] => [min - stepS / 2, max + stepS / 2]
  const bars = uPlot.paths.bars?.({ size: [0.7, 24], radius: 0.15 })
  const grid = { stroke: colour('line'), width: 1 }
  return {
    width: place.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 8, 0, 0],
    scales: { x: { range }, y: { range: (_, __, max) => [0, Math.max(1, max * 1.1)] } },
    axes: [
      { ...axis, grid: { show: false }, space: 70, size: 26, values: (_: uPlot, splits: number[]) => splits.map(hour) },
      {
        ...axis,
        grid,
        size: 60,
        space: 36,
        incrs: format === undefined ? wholeSteps : timeSteps,
        ...(format !== undefined && { values: (_: uPlot, splits: number[]) => splits.map(format) }),
      },
    ],
    series: [
      {},
      ...series.map(
        ({ label, colour: name, kind }): uPlot.Series => ({
          label,
          stroke: colour(name),
          width: kind === 'line' ? 2 : 0,
          points: { show: kind === 'line', size: 4, fill: colour(name) },
          ...(kind === 'bars' && { fill: colour(name), ...(bars !== undefined && { paths: bars }) }),
          spanGaps: kind === 'line',
        }),
      ),
    ],
  }
}
