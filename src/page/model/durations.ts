const units = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
] as const

/** A duration in at most two units: `450 ms`, `8 s`, `3 min 5 s`, `2 h`; `–` if it is unknown. */
export function duration(ms: number | null): string {
  if (ms === null || !Number.isFinite(ms)) return '–'
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`
  let rest = Math.round(ms / 1000)
  const parts: string[] = []
  for (const [unit, seconds] of units) {
    const count = Math.floor(rest / seconds)
    rest -= count * seconds
    if (count > 0) parts.push(`${count} ${unit}`)
    // The unit after the first counts only where it follows directly.
    else if (parts.length > 0) break
    if (parts.length === 2) break
  }
  return parts.join(' ')
}

/** A duration in one unit, for columns. */
export function shortDuration(ms: number | null): string {
  if (ms !== null && ms >= 1000) return duration(ms)
  return ms === null ? '–' : '< 1 s'
}

/** How long ago a moment was: `just now`, `3 min ago`. */
export function ago(ms: number, nowMs: number): string {
  const past = nowMs - ms
  if (past < 5000) return 'just now'
  const [unit, seconds] = units.find(([, length]) => past >= length * 1000) ?? ['s', 1]
  return `${Math.floor(past / 1000 / seconds)} ${unit} ago`
}

/** A time of the day, with the date unless that is today. */
export function clockTime(ms: number, nowMs: number): string {
  const time = new Date(ms)
  const isToday = time.toDateString() === new Date(nowMs).toDateString()
  const clock = { hour: '2-digit', minute: '2-digit', second: '2-digit' } as const
  return isToday
    ? time.toLocaleTimeString(undefined, clock)
    : time.toLocaleString(undefined, { month: 'short', day: 'numeric', ...clock })
}
