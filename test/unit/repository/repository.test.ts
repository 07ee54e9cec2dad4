import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { asObject } from '../../../src/kube/client/parse.ts'
import { brokenLinks, foreignNames } from './repository-rules.ts'

const root = join(import.meta.dirname, '../../..')

const required = [
  '.ci .dockerignore .gitignore .npmrc CHANGELOG.md CONTRIBUTING.md Dockerfile LICENSE Makefile README.md',
  'charts config crds docs package-lock.json package.json src test tsconfig.json',
].flatMap((names) => names.split(' '))

describe('the repository', () => {
  const files = listFiles()

  it('has only the agreed files and folders at its top level', () => {
    const names = new Set(files.map((path) => path.split('/')[0] ?? path))
    expect([...names].sort()).to.deep.equal(required)
  })

  it('names no folder of one machine and no package registry', () => {
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

  it('explains every target of the Makefile in make help', () => {
    const text = readFileSync(join(root, 'Makefile'), 'utf8')
    const targets = [...text.matchAll(/^\.PHONY: (.*)$/gm)].flatMap(([, names = '']) => names.split(' '))
    expect(targets).to.include.members(['test', 'up', 'run'])
    const help = execFileSync('make', ['help'], { cwd: root, encoding: 'utf8' })
    const explained = [...help.matchAll(/^ {2}make (\S+) +\S/gm)].map(([, name]) => name)
    expect(explained).to.have.members(targets)
  })
})

describe('the packages', () => {
  const json = (name: string): Record<string, unknown> => asObject(JSON.parse(readFileSync(join(root, name), 'utf8')))

  it('are named in exact versions', () => {
    const manifest = json('package.json')
    const kinds = ['dependencies', 'optionalDependencies', 'devDependencies']
    const versions = kinds.flatMap((kind) => Object.entries(asObject(manifest[kind])))
    expect(versions).to.have.length.above(10)
    expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(String(version)))).to.deep.equal([])
  })

  it('run no install script, wherever they are installed', () => {
    const places = ['Makefile', 'Dockerfile', 'config/image/prepare.ts']
    const installs = places.flatMap((place) =>
      readFileSync(join(root, place), 'utf8')
        .split('\n')
        .filter((line) => !/^\s*#|##/.test(line) && /\bnpm\b\W+ci\b/.test(line)),
    )
    expect(installs).to.have.length(3)
    expect(installs.filter((line) => !line.includes('--ignore-scripts'))).to.deep.equal([])
    const own = Object.keys(asObject(json('package.json')['scripts']))
    expect(own, 'only what runs before the package is packed').to.deep.equal(['prepack'])
  })

  for (const architecture of ['x64', 'arm64']) {
    it(`hold Node.js for ${architecture}, with its hash and without an install script`, () => {
      const locked = asObject(json('package-lock.json')['packages'])[`node_modules/node-linux-${architecture}`]
      expect(asObject(locked)['integrity']).to.match(/^sha512-/)
      expect(locked).not.to.have.property('hasInstallScript')
    })
  }
})

describe('config/clean-tree', () => {
  let folder: string
  const git = (...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=Test', '-c', 'user.email=test@example.com', ...args], {
      cwd: folder,
      encoding: 'utf8',
    })
  const check = () => spawnSync(join(root, 'config/clean-tree'), { cwd: folder, encoding: 'utf8' })

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'clean-tree-'))
    git('init', '--quiet')
    writeFileSync(join(folder, 'kept'), 'one\n')
    git('add', '.')
    git('commit', '--quiet', '--message=first')
  })
  after(() => rmSync(folder, { recursive: true }))

  it('passes if everything is committed', () => {
    expect(check().status).to.equal(0)
  })

  it('fails if a file is changed, and shows the change', () => {
    writeFileSync(join(folder, 'kept'), 'two\n')
    const { status, stdout } = check()
    expect(status).to.equal(1)
    expect(stdout).to.include('-one\n+two\n')
    git('checkout', '--quiet', 'kept')
  })

  it('fails if a file is new, and names it', () => {
    writeFileSync(join(folder, 'new'), '')
    const { status, stdout } = check()
    expect(status).to.equal(1)
    expect(stdout).to.include('?? new\n')
  })
})

describe('the rules on documents', () => {
  const target = '# The title\n\n## A `part`, and more\n'
  const read = (path: string): string | undefined => (path === 'there.md' ? target : undefined)

  it('find a link to a missing file', () => {
    expect(brokenLinks('[a](there.md), [b](missing.md), [c](https://example.com/x)', read)).to.deep.equal([
      'missing.md',
    ])
  })

  it('find a link to a missing heading', () => {
    const links = '# Here\n[a](there.md#a-part-and-more) [b](there.md#another) [c](#here) [d](#nowhere)'
    expect(brokenLinks(links, read)).to.deep.equal(['there.md#another', '#nowhere'])
  })

  it('find folders of a machine and registries', () => {
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
