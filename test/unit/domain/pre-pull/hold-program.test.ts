import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { architectures, holdProgram } from '../../../../src/domain/pre-pull/hold-program.ts'
import { eventually } from '../../../observe/eventually.ts'

/** Names of architectures that Node.js and Kubernetes have. */
const ours = process.arch === 'x64' ? 'amd64' : process.arch === 'arm64' ? 'arm64' : undefined

describe('the program that keeps an image in use', () => {
  for (const architecture of architectures) {
    it(`is a small static executable for ${architecture}`, () => {
      const bytes = holdProgram(architecture)
      const view = new DataView(bytes.buffer)
      expect(String.fromCodePoint(...bytes.slice(1, 4))).to.equal('ELF')
      expect(view.getUint16(16, true), 'type').to.equal(2)
      expect(view.getUint16(18, true), 'machine').to.equal({ amd64: 62, arm64: 183 }[architecture])
      const entry = Number(view.getBigUint64(24, true)) - 0x40_0000
      expect(entry).to.equal(64 + 2 * 56)
      expect(bytes.length - entry, 'code').to.be.within(1, 64)
      // A program without an interpreter needs no file of the image.
      const types = [0, 1].map((index) => view.getUint32(64 + index * 56, true))
      expect(types).to.deep.equal([1, 0x6474e551])
    })
  }

  it('waits until it is ended, and takes nearly nothing', async () => {
    if (ours === undefined) throw new Error(`there is no program for ${process.arch}`)
    const folder = await mkdtemp(join(tmpdir(), 'runnerhub-hold-'))
    const file = join(folder, 'hold')
    await writeFile(file, holdProgram(ours), { mode: 0o555 })
    const child = spawn(file, { stdio: 'ignore', env: {} })
    const exited = once(child, 'exit')
    await eventually(async () => /^State:\tS/m.test(await readFile(`/proc/${child.pid}/status`, 'utf8')), {
      what: 'the program to wait',
    })
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(await readFile(`/proc/${child.pid}/status`, 'utf8')) ?? []
    expect(Number(kilobytes)).to.be.below(100)
    child.kill('SIGTERM')
    expect(await exited).to.deep.equal([null, 'SIGTERM'])
    await rm(folder, { recursive: true })
  })
})
