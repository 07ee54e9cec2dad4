import type { JobState } from '../../api/job-state.ts'

/** A state as a coloured dot and a word. */
export function State({ state }: { state: JobState }) {
  return (
    <span class={`state state-${state}`}>
      <i aria-hidden="true" />
      {state}
    </span>
  )
}

/** A label of a job or a pool. */
export function Labels({ labels }: { labels: readonly string[] }) {
  if (labels.length === 0) return <span class="muted">none</span>
  return (
    <ul class="labels">
      {labels.map((label) => (
        <li key={label}>{label}</li>
      ))}
    </ul>
  )
}
