import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect } from 'chai'
import { readOptions } from '../../bench/options.ts'
import { commandOf } from '../../documents/documents.ts'

describe('the options of the bench', () => {
  it('are listed by --help', () => {
    const cwd = join(import.meta.dirname, '../../..')
    const help = execFileSync('bash', ['-c', commandOf('docs/performance.md', 'node ')], { cwd, encoding: 'utf8' })
    for (const name of Object.keys(readOptions([]) ?? {})) {
      const option = name === 'parts' ? 'only' : name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
      expect(help).to.include(` --${option} `)
    }
  })
})
