import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { runProcess } from '../../run/process-group.ts'

describe('a process of a run', () => {
  let folder: string

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'process-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it('writes its output to a file whose folder does not exist yet, as in a fresh clone', async () => {
    const outputFile = join(folder, 'build', 'results', 'check.log')
    const { signal } = new AbortController()
    const ending = await runProcess({ command: ['echo', 'done'], deadlineMs: 10_000, outputFile }, signal)
    expect(ending).to.deep.equal({ is: 'exited', code: 0 })
    expect(await readFile(outputFile, 'utf8')).to.equal('done\n')
  })
})
