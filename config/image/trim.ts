import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/**
 * What a running program never reads: types and sources, source maps, texts, the settings of editors and other tools,
 * and binaries for another JavaScript runtime (.bare).
 */
const unneeded = /(\.[cm]?ts|\.map|\.bare|\.flow|\.md|\.markdown|\.html|\.c|tsconfig.*\.json)$|^\./i

const isLicence = /^(licen[cs]e|notice|copying)/i

/** Removes from installed packages what only people and compilers read, and folders that are empty then. */
export function trim(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) trim(path)
    else if (unneeded.test(entry.name) && !isLicence.test(entry.name)) rmSync(path)
  }
  if (readdirSync(folder).length === 0) rmSync(folder, { recursive: true })
}
