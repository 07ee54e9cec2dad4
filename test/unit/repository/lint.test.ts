import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { snippets } from './lint-snippets.ts'

const root = join(import.meta.dirname, '../../..')

describe('the linter', function () {
  this.timeout(60_000)
  let folder: string
  let found: Map<string, string[]>

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lint-'))
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
    await writeFile(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ extends: join(root, 'tsconfig.json'), include: ['src', 'test'] }),
    )
    for (const [path, , source] of snippets) {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), source)
    }
    found = await lint(folder)
  })

  after(() => rm(folder, { recursive: true, force: true }))

  for (const [path, rule] of snippets) {
    it(`${rule === undefined ? 'finds nothing' : `finds ${rule}`} in ${path}`, () => {
      expect(found.get(path) ?? []).to.deep.equal(rule === undefined ? [] : [rule])
    })
  }
})

/** The rules that the repository's configuration finds broken, by file. */
async function lint(folder: string): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>()
  for (const line of (await output(folder)).split('\n')) {
    const [, path, rule] = /^(\S+?):\d+:.*\[Error\/\w+\((\S+)\)\]$/.exec(line) ?? []
    if (path === undefined || rule === undefined) continue
    found.set(path, [...new Set([...(found.get(path) ?? []), rule])])
  }
  return found
}

/** The linter's findings as text; it exits with 1 when there are any. */
function output(folder: string): Promise<string> {
  const oxlint = join(root, 'node_modules/oxlint/bin/oxlint')
  const args = [oxlint, '--config', join(root, 'config/oxlint.json'), '--format', 'unix', 'src', 'test']
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { cwd: folder }, (error, stdout, stderr) => {
      if (error !== null && error.code !== 1) reject(new Error(`${error.message}\n${stderr}`))
      else resolve(stdout)
    })
  })
}
