import { readFile, writeFile } from 'node:fs/promises'
import { readResult, resultFile } from './suite-result.ts'
import { type Expectations, testCount } from './verdict.ts'

const countsFile = 'test/expected-counts.json'
const skipsFile = 'test/allowed-skips.json'

/** The committed expectations. */
export async function readExpectations(): Promise<Expectations> {
  const counts = Object.entries(await readEntries(countsFile)).map(([suite, count]) => [suite, Number(count)] as const)
  const skips = Object.entries(await readEntries(skipsFile)).map(([title, reason]) => [title, String(reason)] as const)
  return { counts: Object.fromEntries(counts), skips: Object.fromEntries(skips) }
}

/** Rewrites the expected counts from each suite's last result; a suite that has none keeps its number. */
export async function updateExpectedCounts(suites: string[]): Promise<Record<string, number>> {
  const { counts } = await readExpectations()
  for (const suite of suites) {
    const result = await readResult(resultFile(suite))
    if (result !== undefined) counts[suite] = testCount(result)
  }
  await writeFile(countsFile, `${JSON.stringify(counts, undefined, 2)}\n`)
  return counts
}

async function readEntries(file: string): Promise<object> {
  const value: unknown = JSON.parse(await readFile(file, 'utf8'))
  if (typeof value !== 'object' || value === null) throw new TypeError(`${file} is not a JSON object`)
  return value
}
