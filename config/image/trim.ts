import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Files that a running program never reads: types and sources, source maps, texts, settings of editors and other tools,
 * and binaries for another JavaScript runtime (.bare).
 */
const unneeded = /(\.[cm]?ts|\.map|\.bare|\.flow|\.md|\.markdown|\.html|\.c|tsconfig.*\.json)$|^\./i

const isLicence = /^(licen[cs]e|notice|copying)/i

/** Removes the files that only people and compilers read from installed packages, and empty folders. */
export function trim(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) trim(path)
    else if (unneeded.test(entry.name) && !isLicence.test(entry.name)) rmSync(path)
  }
  if (readdirSync(folder).length === 0) rmSync(folder, { recursive: true })
}
