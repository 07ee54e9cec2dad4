import { readFileSync } from 'node:fs'

export interface Example {
  language: string
  text: string
}

/** The code blocks of docs/api.md under the heading Examples, unchanged. */
export function documentedExamples(): Example[] {
  const text = readFileSync(new URL('../../../docs/api.md', import.meta.url), 'utf8')
  const [, section = ''] = text.split(/^## Examples$/m)
  return codeBlocks(section)
}

/** The code blocks of the original API reference. */
export function referenceExamples(): Example[] {
  return codeBlocks(readFileSync(new URL('../../unit/repository/reference-examples.md', import.meta.url), 'utf8'))
}

function codeBlocks(markdown: string): Example[] {
  return [...markdown.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = '', code = '']) => ({
    language,
    text: code,
  }))
}
