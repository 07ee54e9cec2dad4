import { existsSync } from 'node:fs'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * What the reporter writes when a suite of tests has ended. Titles are full: all describes and the test's own. Files
 * are paths from the root of the repository; a hook that belongs to no file has an empty one.
 */
export interface SuiteResult {
  passed: { title: string; file: string; ms: number }[]
  failed: { title: string; file: string; message: string }[]
  skipped: { title: string; file: string }[]
  /** How long each file took, with its hooks, in milliseconds. */
  files: Record<string, number>
}

/** The environment variable that names the file into which the reporter writes. */
export const resultFileVariable = 'TEST_RESULT_FILE'

/** The file with a suite's result, until the next run. */
export function resultFile(suite: string): string {
  return `build/test-results/${suite}.json`
}

/** The file with the output of a parallel stage. */
export function outputFile(stage: string): string {
  return `build/test-results/${stage}.log`
}

/** Removes the last run's result, so that it cannot be mistaken for this run's. */
export async function clearResult(file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await rm(file, { force: true })
}

/** The result in a file; undefined if the suite ended before writing all of it. */
export async function readResult(file: string): Promise<SuiteResult | undefined> {
  if (!existsSync(file)) return undefined
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'))
    return isSuiteResult(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isSuiteResult(value: unknown): value is SuiteResult {
  const isObject = typeof value === 'object' && value !== null
  if (!isObject || typeof Reflect.get(value, 'files') !== 'object') return false
  return ['passed', 'failed', 'skipped'].every((key) => Array.isArray(Reflect.get(value, key)))
}
