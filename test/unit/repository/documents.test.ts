import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { kinds } from '../../../src/api/crd.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { runPlugin } from '../../../src/plugin/run.ts'
import { recordedHost } from '../../plugin/recorded-host.ts'
import { delegateExample } from '../../../config/local/run.d/reference.ts'
import { errorCodes } from '../../../src/http/http-error.ts'
import { routes } from '../../../src/http/routes.ts'
import { commandsOf, documents, type Snippet } from '../../documents/documents.ts'
import { documentedExamples, referenceExamples } from '../../e2e/clients/documented-examples.ts'
import { rarelyUsed } from '../../e2e/installation/rarely-used-rights.ts'
import { triedCommands } from './tried-commands.ts'

const docs = join(import.meta.dirname, '../../../docs')
const api = readFileSync(join(docs, 'api.md'), 'utf8')
const contract = readFileSync(join(docs, 'contract-tests.md'), 'utf8')

describe('docs/api.md', () => {
  it('describes every route', () => {
    const undescribed = routes.filter(({ method, path, permission }) =>
      permission === 'open' ? !api.includes(path.replace('/:file', '')) : !api.includes(`### ${method} ${path}\n`),
    )
    expect(undescribed.map(({ method, path }) => `${method} ${path}`)).to.deep.equal([])
  })

  it('describes every error code', () => {
    expect(Object.keys(errorCodes).filter((code) => !api.includes(`\`${code}\``))).to.deep.equal([])
  })

  it('has the exact cURL commands and program of the reference', () => {
    const given = referenceExamples()
    expect(given.map(({ language }) => language)).to.deep.equal(['bash', 'bash', 'bash', 'typescript'])
    expect(documentedExamples()).to.deep.equal(given)
  })

  it('has the first command as make run shows it', () => {
    expect(documentedExamples()[0]?.text.trimEnd()).to.equal(delegateExample(3000))
  })
})

/** Checks that the only test of a row exists: its file, and its title in there. */
function expectTest(path: string, title: string): void {
  const file = join(docs, path)
  expect(existsSync(file), path).to.equal(true)
  expect(titlesIn(readFileSync(file, 'utf8')), path).to.include(title)
}

describe('docs/contract-tests.md', () => {
  const rows = [...contract.matchAll(/^\| (.+) \| \[.+\]\((.+)\) \| `(.+)` \|$/gm)]

  it('has a row for each statement, in the form that is checked here', () => {
    const lines = contract.split('\n').filter((line) => line.startsWith('|') && !/^\|(---| statement )/.test(line))
    expect(rows.map(([line]) => line)).to.deep.equal(lines)
    expect(rows.length).to.be.above(30)
  })

  for (const [, statement = '', path = '', title = ''] of rows)
    it(`names an existing test: ${statement}`, () => expectTest(path, title))
})

describe('docs/reliability.md', () => {
  const section = /^## Faults and their tests\n(.*?)^## /ms.exec(
    readFileSync(join(docs, 'reliability.md'), 'utf8'),
  )?.[1]
  const rows = [...(section ?? '').matchAll(/^\| (.+) \| .+ \| \[.+\]\((.+)\) \| `(.+)` \| .+ \|$/gm)]

  it('has a row for each fault, in the form that is checked here', () => {
    const lines = (section ?? '').split('\n').filter((line) => line.startsWith('|') && !/^\|(---| fault )/.test(line))
    expect(rows.map(([line]) => line)).to.deep.equal(lines)
    expect(rows.length).to.be.above(40)
  })

  for (const [, fault = '', path = '', title = ''] of rows)
    it(`names an existing test: ${fault}`, () => expectTest(path, title))
})

describe('README.md', () => {
  it('fits into 120 lines', () => {
    expect(readFileSync(join(docs, '../README.md'), 'utf8').split('\n').length - 1).to.be.at.most(120)
  })
})

describe('docs/screenshots', () => {
  const folder = join(docs, 'screenshots')
  const pictures = readdirSync(folder)

  it('are the pictures that make screenshots takes, each of them shown by a document', () => {
    const taken = readFileSync(join(docs, '../test/browser/screenshots.ts'), 'utf8')
    const names = [...taken.matchAll(/^ {4}\['([a-z-]+)', \(\) =>/gm)].map(([, name = '']) => `${name}.png`)
    expect(pictures).to.have.members(names)
    const pages = documents().map((page) => readFileSync(join(docs, '..', page), 'utf8'))
    const shown = (name: string): boolean => pages.some((page) => page.includes(`screenshots/${name})`))
    expect(pictures.filter((name) => !shown(name))).to.deep.equal([])
  })

  it('are PNGs of a size that loads at once', () => {
    const sizes = pictures.map((name) => readFileSync(join(folder, name)).length)
    for (const name of pictures)
      expect(readFileSync(join(folder, name)).subarray(1, 4).toString(), name).to.equal('PNG')
    expect(Math.max(...sizes)).to.be.below(60_000)
    expect(sizes.reduce((sum, size) => sum + size, 0)).to.be.below(300_000)
  })
})

describe('docs/README.md', () => {
  it('leads to every page', () => {
    const map = readFileSync(join(docs, 'README.md'), 'utf8')
    const pages = readdirSync(docs).filter((name) => name.endsWith('.md') && name !== 'README.md')
    expect(
      pages.filter((page) => !map.includes(`](${page})`)),
      'add these to the map',
    ).to.deep.equal([])
  })
})

describe('docs/comparison.md', () => {
  const text = readFileSync(join(docs, 'comparison.md'), 'utf8')

  it('has a date and a source for each project', () => {
    const rows = text.match(/^\| \[.+\]\(https:.+$/gm) ?? []
    expect(rows).to.have.length.above(4)
    expect(rows.filter((row) => !/ of \d{4}-\d{2}-\d{2}/.test(row))).to.deep.equal([])
  })
})

describe('docs/security.md', () => {
  it('names a test for each threat', () => {
    const section = /^## Threats\n(.*?)^## /ms.exec(readFileSync(join(docs, 'security.md'), 'utf8'))?.[1] ?? ''
    const rows = section.match(/^\| [A-Z].+$/gm) ?? []
    expect(rows).to.have.length.above(10)
    expect(rows.filter((row) => !/\]\(\.\.\/test\/.+\.test\.ts\)/.test(row))).to.deep.equal([])
  })

  const section = /^## Attacks and their tests\n(.*?)^## /ms.exec(readFileSync(join(docs, 'security.md'), 'utf8'))?.[1]
  const attacks = [...(section ?? '').matchAll(/^\| (.+) \| .+ \| \[.+\]\((.+)\) \| `(.+)` \|$/gm)]

  it('has a row for each attack, in the form that is checked here', () => {
    const lines = (section ?? '').split('\n').filter((line) => line.startsWith('|') && !/^\|(---| attack )/.test(line))
    expect(attacks.map(([line]) => line)).to.deep.equal(lines)
    expect(attacks.length).to.be.above(40)
  })

  for (const [, attack = '', path = '', title = ''] of attacks)
    it(`names an existing test: ${attack}`, () => expectTest(path, title))
})

describe('docs/adr', () => {
  const folder = join(docs, 'adr')
  const records = readdirSync(folder).filter((file) => /^\d{4}-/.test(file))
  const titleOf = (file: string): string => /^# (.+)$/m.exec(readFileSync(join(folder, file), 'utf8'))?.[1] ?? ''

  for (const file of [...records, 'template.md']) {
    it(`has the headings of the template: ${file}`, () => {
      const headings = readFileSync(join(folder, file), 'utf8').match(/^#+ .+$/gm) ?? []
      const number = file === 'template.md' ? 'NNNN' : file.slice(0, 4)
      expect(headings[0]).to.match(new RegExp(`^# ${number}\\. .+`))
      expect(headings.slice(1)).to.deep.equal(['## Context', '## Decision', '## Consequences'])
    })
  }

  it('lists each record by its title', () => {
    const rows = readFileSync(join(folder, 'README.md'), 'utf8').match(/^\| \[\d{4}\].*(?= \| \w+ \|$)/gm) ?? []
    expect(rows).to.deep.equal(records.map((file) => `| [${file.slice(0, 4)}](${file}) | ${titleOf(file).slice(6)}`))
  })
})

describe('the prose of the documents', () => {
  const tics = /\b(tells?|told|anew|himself|by itself|of its own|stands? for)\b/i
  const pages = [...documents(), 'CHANGELOG.md', 'CONTRIBUTING.md', 'config/local/README.md', 'docs/contract-tests.md']

  for (const page of pages) {
    it(`keeps to plain words: ${page}`, () => {
      const text = readFileSync(join(docs, '..', page), 'utf8')
      // Tables between comments are generated from the texts of settings and values.
      const prose = text.replaceAll(/^```.*?^```|<!-- (\w+) -->.*?<!-- \/\1 -->|`[^`\n]*`|"[^"\n]*"/gms, '')
      expect(prose.split('\n').filter((line) => tics.test(line))).to.deep.equal([])
    })
  }
})

describe('the commands of the documents', () => {
  const commands = documents().flatMap(commandsOf)

  it('are each tried by a test in test/unit/repository/tried-commands.ts', () => {
    expect(commands).to.have.length.above(30)
    const rowsOf = ({ document, text }: Snippet) =>
      triedCommands.filter((row) => row.document === document && text.startsWith(row.command))
    expect(commands.filter((command) => rowsOf(command).length !== 1)).to.deep.equal([])
  })

  it('are all commands of the table', () => {
    const isThere = (row: { document: string; command: string }): boolean =>
      commands.some(({ document, text }) => document === row.document && text.startsWith(row.command))
    expect(triedCommands.filter((row) => !isThere(row))).to.deep.equal([])
  })

  it('are tried by existing tests', () => {
    const isThere = (row: { file: string; title: string }): boolean =>
      titlesIn(readFileSync(join(docs, '../test', row.file), 'utf8')).includes(row.title)
    expect(triedCommands.filter((row) => !isThere(row))).to.deep.equal([])
  })

  it('are targets of the Makefile where they begin with make', () => {
    const makefile = readFileSync(join(docs, '../Makefile'), 'utf8')
    const pages = [...documents(), 'CONTRIBUTING.md', 'config/local/README.md']
    const targets = pages.flatMap((page) => {
      const text = readFileSync(join(docs, '..', page), 'utf8')
      return [...text.matchAll(/(?:`|^ *)make ([a-z-]+)/gm)].map(([, target = '']) => target)
    })
    expect(targets).to.include.members(['run', 'test', 'image', 'bench'])
    expect(targets.filter((target) => !makefile.includes(`\n${target}: `))).to.deep.equal([])
  })
})

describe('the names in the documents', () => {
  // Decisions name what was not done, too.
  const pages = documents().filter((page) => !page.startsWith('docs/adr/'))
  const texts = pages.map((page) => ({ page, text: readFileSync(join(docs, '..', page), 'utf8') }))
  /** Of Socket.IO. */
  const foreign = ['auth.token']

  /** Whether a schema has a property at this path; an open schema has any. */
  function has(schema: unknown, [name, ...rest]: readonly string[]): boolean {
    if (name === undefined) return true
    const { properties, items, additionalProperties, type } = asObject(schema)
    const known = properties === undefined ? undefined : asObject(properties)[name]
    if (known !== undefined) return has(known, rest)
    if (items !== undefined) return has(items, [name, ...rest])
    return (
      additionalProperties === true || (properties === undefined && additionalProperties !== false && type === 'object')
    )
  }

  it('are values of the chart where they look like some, also in commands', () => {
    const schema: unknown = JSON.parse(readFileSync(join(docs, '../charts/runnerhub/values.schema.json'), 'utf8'))
    const first = Object.keys(asObject(asObject(schema)['properties'])).join('|')
    const names = texts.flatMap(({ page, text }) =>
      [...text.matchAll(new RegExp(`(?:\`|--set(?:-string)? )((?:${first})(?:\\.[A-Za-z]+)+)(?=[\`=])`, 'g'))].map(
        ([, name = '']) => ({ page, name }),
      ),
    )
    expect(names).to.have.length.above(50)
    const ours = names.filter(({ name }) => !foreign.includes(name))
    expect(ours.filter(({ name }) => !has(schema, name.split('.')))).to.deep.equal([])
  })

  it('are fields of our kinds where they look like some', () => {
    const parts = new Map([
      ['spec', kinds.map(({ spec }) => spec)],
      ['status', kinds.map(({ status }) => status)],
    ])
    const names = texts.flatMap(({ page, text }) =>
      [...text.matchAll(/`(spec|status)\.((?:[A-Za-z]+)(?:\.[A-Za-z]+)*)`/g)].map(([, part = '', path = '']) => ({
        page,
        part,
        path,
      })),
    )
    expect(names).to.have.length.above(20)
    const isThere = ({ part, path }: { part: string; path: string }): boolean =>
      parts.get(part)?.some((schema) => has(schema, path.split('.'))) === true
    expect(names.filter((name) => !isThere(name))).to.deep.equal([])
  })

  it('are commands of the plugin where kubectl runnerhub comes before them', async () => {
    const host = recordedHost()
    await runPlugin(['help'], host, '1.2.3')
    const known = [...host.out.text.matchAll(/^ {2}([a-z]+)[ |]/gm)].map(([, name]) => name)
    const named = texts.flatMap(({ page, text }) =>
      [...text.matchAll(/kubectl runnerhub (?:-n \S+ )?([a-z]+)/g)].map(([, name]) => ({ page, name })),
    )
    expect(named).to.have.length.above(5)
    expect(named.filter(({ name }) => !known.includes(name))).to.deep.equal([])
  })
})

describe('rights that a run may never use', () => {
  for (const { account, right, file, title } of rarelyUsed) {
    it(`have an existing test: ${account} may ${right}`, () =>
      expect(titlesIn(readFileSync(join(docs, '../test', file), 'utf8'))).to.include(title))
  }
})

/** The titles of a file's tests in its source: the arguments of `it(`, and the keys of tables of tests. */
function titlesIn(source: string): string[] {
  const found = [/\bit\(\s*(['`])(.+?)\1,/g, /^ +(['`])(.+?)\1: (?:async )?\(/gm].map((pattern) =>
    source.matchAll(pattern),
  )
  return found.flatMap((matches) => [...matches].map(([, , title = '']) => title))
}
