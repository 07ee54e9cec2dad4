import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

/** A command or code block in a document. */
export interface Snippet {
  /** Relative to the repository. */
  document: string
  /** A whole shell block, a line that is shown with its output, or a command within a sentence. */
  text: string
}

/** The documents for users of the operator; docs/contract-tests.md only names tests. */
export function documents(): string[] {
  const pages = globSync('docs/**/*.md', { cwd: root }).sort()
  return ['README.md', 'charts/runnerhub/README.md', ...pages.filter((page) => page !== 'docs/contract-tests.md')]
}

/** Every command that a document asks to run. Two words in a sentence only name a command. */
export function commandsOf(document: string): Snippet[] {
  const text = readFileSync(join(root, document), 'utf8')
  const blocks = blocksIn(text)
  const shown = blocks
    .filter(({ language }) => language === '')
    .flatMap(({ code }) => code.match(/(?<=^\$ ).+/gm) ?? [])
  const whole = blocks.filter(({ language }) => /^(ba)?sh$/.test(language)).map(({ code }) => code)
  const prose = text.replaceAll(fence, '')
  const inline = [...prose.matchAll(/`((?:kubectl|helm|make|node|curl) [^`\s]+ [^`]+)`/g)].map(([, code = '']) => code)
  return [...whole, ...shown, ...inline].map((each) => ({ document, text: each }))
}

/** The only command of a document with this beginning. */
export function commandOf(document: string, beginning: string): string {
  const found = new Set(commandsOf(document).map(({ text }) => text))
  return only(`${document}: a command "${beginning}…"`, [...found], (text) => text.startsWith(beginning))
}

/** The only block of a document in this language that contains a text. */
export function blockOf(document: string, language: string, part: string): string {
  return only(`${document}: a block in ${language} with "${part}"`, blocksOf(document, language), (code) =>
    code.includes(part),
  )
}

/** All blocks of a document in this language. */
export function blocksOf(document: string, language: string): string[] {
  const blocks = blocksIn(readFileSync(join(root, document), 'utf8'))
  return blocks.flatMap((block) => (block.language === language ? [block.code] : []))
}

const fence = /^( *)```(\w*)\n(.*?)^ *```$/gms

function blocksIn(text: string): { language: string; code: string }[] {
  return [...text.matchAll(fence)].map(([, indent = '', language = '', code = '']) => ({
    language,
    code: code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }))
}

function only(what: string, all: string[], isMeant: (text: string) => boolean): string {
  const [found, ...others] = all.filter(isMeant)
  if (found === undefined || others.length > 0) throw new Error(`${what}: ${others.length === 0 ? 'none' : 'several'}`)
  return found
}
