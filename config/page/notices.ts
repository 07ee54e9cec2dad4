import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The packages that a bundle of these files contains, by name. */
export function packagesOf(inputs: readonly string[]): string[] {
  const names = inputs.map((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1])
  return [...new Set(names.filter((name) => name !== undefined))].sort()
}

/** The licences of the packages that a bundle of these files contains. Each of them has to go with it. */
export function noticesOf(inputs: readonly string[], root: string): string {
  const packages = packagesOf(inputs)
  return packages.map((name) => `${name}\n\n${licenceOf(join(root, 'node_modules', name))}`).join('\n---\n\n')
}

function licenceOf(folder: string): string {
  const file = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'license']
    .map((name) => join(folder, name))
    .find((path) => existsSync(path))
  if (file === undefined) throw new Error(`${folder} has no licence`)
  return readFileSync(file, 'utf8')
}
