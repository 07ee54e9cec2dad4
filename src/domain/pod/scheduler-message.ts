/** The scheduler's verdict: the number of nodes, then the causes. What it says about preemption follows after a full stop. */
const verdict = /^0\/\d+ nodes are available: (.*)$/s

/**
 * The causes in the scheduler's message, without numbers of nodes. The numbers and their order change whenever a node
 * comes or goes, and each change of a job's message costs a write. Another message stays as it is.
 */
export function causesOf(message: string): string {
  const [, rest = ''] = verdict.exec(message) ?? []
  const [causes = ''] = rest.split(/\.(?= |$)/)
  if (causes === '') return message
  const each = causes.split(/, (?=\d+ )/).map((cause) => cause.replace(/^\d+ /, ''))
  return `no node takes the pod: ${[...new Set(each)].toSorted().join(', ')}`
}
