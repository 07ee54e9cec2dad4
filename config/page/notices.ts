import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fieldsOf } from '../../src/api/json.ts'

/** The packages that a bundle of these files contains, by name. */
export function packagesOf(inputs: readonly string[]): string[] {
  return [...new Set(foldersOf(inputs).map(nameOf))].sort()
}

/** The licences of the packages that a bundle of these files contains. Each of them has to go with it. */
export function noticesOf(inputs: readonly string[], root: string): string {
  const notices = foldersOf(inputs).map((folder) => `${nameOf(folder)}\n\n${licenceOf(join(root, folder))}`)
  return [...new Set(notices)].join('\n---\n\n')
}

/** The folders of these packages, sorted. A package may be installed twice, inside another as well. */
function foldersOf(inputs: readonly string[]): string[] {
  const folders = inputs.map((path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0])
  return [...new Set(folders.filter((folder) => folder !== undefined))].sort()
}

function nameOf(folder: string): string {
  return folder.replace(/^.*node_modules\//, '')
}

/** The text of its licence; a few packages only name theirs. */
function licenceOf(folder: string): string {
  const file = readdirSync(folder).find((name) => /^(licen[cs]e|copying)(\.(md|txt))?$/i.test(name))
  if (file !== undefined) return readFileSync(join(folder, file), 'utf8')
  const { license } = fieldsOf(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')))
  if (typeof license !== 'string') throw new Error(`${folder} has no licence`)
  return `${license}\n`
}
