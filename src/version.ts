import { readFileSync } from 'node:fs'

/** Version of the product: the package's, which stands beside the folder of the code. */
export const version: string = readVersion(new URL('../package.json', import.meta.url))

function readVersion(file: URL): string {
  const content: unknown = JSON.parse(readFileSync(file, 'utf8'))
  if (typeof content === 'object' && content !== null && 'version' in content) return String(content.version)
  throw new Error('package.json names no version')
}
