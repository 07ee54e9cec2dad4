import { readFile } from 'node:fs/promises'
import type { Expectations } from './verdict.ts'

const skipsFile = 'test/allowed-skips.json'

/** The committed expectations. */
export async function readExpectations(): Promise<Expectations> {
  const value: unknown = JSON.parse(await readFile(skipsFile, 'utf8'))
  if (typeof value !== 'object' || value === null) throw new TypeError(`${skipsFile} is not a JSON object`)
  const skips = Object.entries(value).map(([title, reason]) => [title, String(reason)] as const)
  return { skips: Object.fromEntries(skips) }
}
