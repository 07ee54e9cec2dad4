import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { delegateExample } from '../../config/local/run.d/reference.ts'
import { errorCodes } from '../../src/http/http-error.ts'
import { routes } from '../../src/http/routes.ts'
import { documentedExamples, referenceExamples } from '../e2e/documented-examples.ts'

const docs = join(import.meta.dirname, '../../docs')
const api = readFileSync(join(docs, 'api.md'), 'utf8')
const contract = readFileSync(join(docs, 'contract-tests.md'), 'utf8')

describe('docs/api.md', () => {
  it('tells of every route', () => {
    const untold = routes.filter(({ method, path, access }) =>
      access === 'open' ? !api.includes(path.replace('/:file', '')) : !api.includes(`### ${method} ${path}\n`),
    )
    expect(untold.map(({ method, path }) => `${method} ${path}`)).to.deep.equal([])
  })

  it('tells of every code of an error', () => {
    expect(Object.keys(errorCodes).filter((code) => !api.includes(`\`${code}\``))).to.deep.equal([])
  })

  it('has the three cURL commands and the program of the reference, to the letter', () => {
    const given = referenceExamples()
    expect(given.map(({ language }) => language)).to.deep.equal(['bash', 'bash', 'bash', 'typescript'])
    expect(documentedExamples()).to.deep.equal(given)
  })

  it('has the first of them as make run shows it', () => {
    expect(documentedExamples()[0]?.text.trimEnd()).to.equal(delegateExample(3000))
  })
})

describe('docs/contract-tests.md', () => {
  const rows = [...contract.matchAll(/^\| (.+) \| \[.+\]\((.+)\) \| `(.+)` \|$/gm)]

  it('has a row for each statement, in the form that is checked here', () => {
    const lines = contract.split('\n').filter((line) => line.startsWith('|') && !/^\|(---| statement )/.test(line))
    expect(rows.map(([line]) => line)).to.deep.equal(lines)
    expect(rows.length).to.be.above(30)
  })

  for (const [, statement = '', path = '', title = ''] of rows) {
    it(`names a test that there is: ${statement}`, () => {
      const file = join(docs, path)
      expect(existsSync(file), path).to.equal(true)
      expect(titlesIn(readFileSync(file, 'utf8')), path).to.include(title)
    })
  }
})

/** The titles of a file's tests, as they stand there: what follows `it(`, or is the key of a table of tests. */
function titlesIn(source: string): string[] {
  const found = [/\bit\(\s*(['`])(.+?)\1,/g, /^ +(['`])(.+?)\1: (?:async )?\(/gm].map((pattern) =>
    source.matchAll(pattern),
  )
  return found.flatMap((matches) => [...matches].map(([, , title = '']) => title))
}
