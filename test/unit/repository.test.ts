import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { brokenLinks, foreignNames } from './repository-rules.ts'

const root = join(import.meta.dirname, '../..')

const required = [
  '.ci .gitignore .npmrc CHANGELOG.md CONTRIBUTING.md Dockerfile LICENSE Makefile README.md',
  'charts config crds docs package-lock.json package.json src test tsconfig.json',
].flatMap((names) => names.split(' '))

describe('the repository', () => {
  const files = listFiles()

  it('has at its top level what was agreed on, and nothing else', () => {
    const names = new Set(files.map((path) => path.split('/')[0] ?? path))
    expect([...names].sort()).to.deep.equal(required)
  })

  it('names no place of one machine and no package registry', () => {
    const found = files.flatMap((path) =>
      foreignNames(readFileSync(join(root, path), 'utf8')).map((name) => [path, name]),
    )
    expect(found).to.deep.equal([])
  })

  it('has no dead link in its documents', () => {
    const documents = files.filter((path) => path.endsWith('.md'))
    expect(documents).to.include('CONTRIBUTING.md')
    const found = documents.flatMap((path) => brokenLinks(readFileSync(join(root, path), 'utf8'), reader(path)))
    expect(found).to.deep.equal([])
  })
})

describe('the rules on documents', () => {
  const target = '# The title\n\n## A `part`, and more\n'
  const read = (path: string): string | undefined => (path === 'there.md' ? target : undefined)

  it('find a link to a file that is not there', () => {
    expect(brokenLinks('[a](there.md), [b](missing.md), [c](https://example.com/x)', read)).to.deep.equal([
      'missing.md',
    ])
  })

  it('find a link to a heading that is not there', () => {
    const links = '# Here\n[a](there.md#a-part-and-more) [b](there.md#another) [c](#here) [d](#nowhere)'
    expect(brokenLinks(links, read)).to.deep.equal(['there.md#another', '#nowhere'])
  })

  it('find places of a machine and registries', () => {
    const home = ['', 'home', 'somebody', 'x'].join('/')
    const host = ['registry', 'npmjs', 'org'].join('.')
    expect(foreignNames(`see ${home} and https://${host}/x, not src/home/x`)).to.have.length(2)
  })
})

/** Every file that is or would be committed. */
function listFiles(): string[] {
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 1e8 } as const
  const output = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], options)
  return output.split('\0').filter((path) => path !== '' && existsSync(join(root, path)))
}

/** Reads what a link in a document points to; a folder has no text. */
function reader(document: string): (target: string) => string | undefined {
  return (target) => {
    const path = join(root, dirname(document), target)
    if (!existsSync(path)) return undefined
    return statSync(path).isDirectory() ? '' : readFileSync(path, 'utf8')
  }
}
