import { readFileSync } from 'node:fs'

/** The version of the product, from the package.json next to the source folder. */
export const version: string = readVersion(new URL('../package.json', import.meta.url))

function readVersion(file: URL): string {
  const content: unknown = JSON.parse(readFileSync(file, 'utf8'))
  if (typeof content === 'object' && content !== null && 'version' in content) return String(content.version)
  throw new Error('package.json must have a version')
}
