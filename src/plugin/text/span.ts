const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** A duration as kubectl shows ages: at most two units, fewer the longer it is. */
export function spanOf(ms: number): string {
  if (!(ms >= 0)) return '0s'
  if (ms < 2 * MINUTE) return units(ms, SECOND, 's')
  if (ms < 10 * MINUTE) return pair(ms, [MINUTE, 'm'], [SECOND, 's'])
  if (ms < 3 * HOUR) return units(ms, MINUTE, 'm')
  if (ms < 8 * HOUR) return pair(ms, [HOUR, 'h'], [MINUTE, 'm'])
  if (ms < 2 * DAY) return units(ms, HOUR, 'h')
  if (ms < 8 * DAY) return pair(ms, [DAY, 'd'], [HOUR, 'h'])
  return units(ms, DAY, 'd')
}

/** The time between two RFC 3339 times; empty while one is unknown. */
export function spanBetween(from: string | undefined, to: string | undefined): string {
  return from === undefined || to === undefined ? '' : spanOf(Date.parse(to) - Date.parse(from))
}

function units(ms: number, unit: number, name: string): string {
  return `${Math.floor(ms / unit)}${name}`
}

function pair(ms: number, [big, bigName]: [number, string], [small, smallName]: [number, string]): string {
  const rest = ms % big
  return rest < small ? units(ms, big, bigName) : units(ms, big, bigName) + units(rest, small, smallName)
}

const unitMs: Readonly<Record<string, number>> = { s: SECOND, m: MINUTE, h: HOUR, d: DAY }

/** Milliseconds of a duration such as 90s, 1h30m or 2d; undefined for any other text. */
export function parseSpan(text: string): number | undefined {
  if (!/^(\d{1,9}[smhd])+$/.test(text)) return undefined
  const parts = [...text.matchAll(/(\d+)([smhd])/g)]
  return parts.reduce((sum, [, count = '', unit = '']) => sum + Number(count) * (unitMs[unit] ?? 0), 0)
}
