import { withoutOuterBlanks } from './blank-text.ts'

/** Labels as GitHub's runner reads them: trimmed, and only the first of those that differ in case alone. */
export function distinctLabels(labels: readonly string[]): string[] {
  const byName = new Map<string, string>()
  for (const label of labels.map(withoutOuterBlanks)) {
    const name = label.toLowerCase()
    if (!byName.has(name)) byName.set(name, label)
  }
  return [...byName.values()]
}
