import { withoutOuterBlanks } from './blank-text.ts'

/** Labels as GitHub's runner takes them: without blanks around, and of those that differ in case alone the first. */
export function distinctLabels(asked: readonly string[]): string[] {
  const byName = new Map<string, string>()
  for (const label of asked.map(withoutOuterBlanks)) {
    const name = label.toLowerCase()
    if (!byName.has(name)) byName.set(name, label)
  }
  return [...byName.values()]
}
