import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { trim } from '../../../config/image/trim.ts'

const kept = ['a/LICENSE.md', 'a/index.js', 'a/package.json', 'a/lib/data.json', 'b/index.mjs', 'b/index.cjs']
const removed = ['.package-lock.json', 'a/.eslintrc', 'a/README.md', 'a/index.d.ts', 'a/index.js.map', 'c/src/only.ts']

describe('trimming installed packages', () => {
  let folder: string

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'trim-'))
  })

  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('keeps what runs and the licences, and leaves no empty folder', () => {
    for (const path of [...kept, ...removed]) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), '')
    }
    trim(folder)
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    expect(files.sort()).to.deep.equal(['a', 'a/lib', 'b', ...kept].sort())
  })
})
