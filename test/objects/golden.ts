import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { expect } from 'chai'
import { parse, stringify } from 'yaml'

/**
 * Compares with the file beside the test, `golden/<name>.yaml`. UPDATE_GOLDEN=1 writes it again; a review reads the
 * difference.
 */
export function expectGolden(test: string, name: string, actual: unknown): void {
  const file = new URL(`golden/${name}.yaml`, test)
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file, stringify(actual, { aliasDuplicateObjects: false }))
  expect(existsSync(file), `${file.pathname} is missing: UPDATE_GOLDEN=1 writes it`).to.equal(true)
  expect(actual).to.deep.equal(parse(readFileSync(file, 'utf8')))
}
