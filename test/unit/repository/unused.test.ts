import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { asObject } from '../../../src/kube/client/parse.ts'

const root = join(import.meta.dirname, '../../..')

const files: Record<string, string> = {
  'package.json': '{ "type": "module", "private": true }',
  'src/main.ts': "import { imported } from './part.ts'\nconsole.log(imported)\n",
  'src/part.ts': [
    'export interface Shape { size: number }',
    "export type Word = 'one'",
    'export const constant: Shape = { size: 1 }',
    "export function help(): Word { return 'one' }",
    'export const imported = [constant, help()]',
  ].join('\n'),
  'src/alone.ts': 'export const alone = 1\n',
  'config/local/run.d/main.ts': "import './step.ts'\n",
  'config/local/run.d/step.ts': 'export const step = 1\nconsole.log(step)\n',
}

describe('the search for unused code', function () {
  this.timeout(60_000)
  let folder: string
  let found: unknown

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unused-'))
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), text)
    }
    found = JSON.parse(await output(folder))
  })

  after(() => rm(folder, { recursive: true, force: true }))

  const names = (kind: 'files' | 'exports' | 'types'): unknown[] => {
    const { issues } = asObject(found)
    if (!Array.isArray(issues)) throw new Error('no list of issues')
    return issues.map(asObject).flatMap((issue) => {
      const list = issue[kind]
      return Array.isArray(list) ? list.map((each: unknown) => asObject(each)['name']) : []
    })
  }

  it('finds values without imports, even if their own file uses them, in src and in config', () => {
    expect(names('exports')).to.have.members(['constant', 'help', 'step'])
  })

  it('accepts exported types that only their own file uses: they are part of its interface', () => {
    expect(names('types')).to.deep.equal([])
  })

  it('finds files without imports', () => {
    expect(names('files')).to.deep.equal(['src/alone.ts'])
  })
})

/** The findings of the repository's configuration as JSON; knip exits with 1 when there are any. */
function output(folder: string): Promise<string> {
  const knip = join(root, 'node_modules/knip/bin/knip.js')
  const config = join(root, 'config/knip.json')
  const args = [knip, '--config', config, '--directory', folder, '--no-progress', '--no-config-hints']
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [...args, '--reporter', 'json'], (error, stdout, stderr) => {
      if (error !== null && error.code !== 1) reject(new Error(`${error.message}\n${stderr}`))
      else resolve(stdout)
    })
  })
}
