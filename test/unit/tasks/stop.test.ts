import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'

const main = new URL('../../../src/main.ts', import.meta.url).pathname

describe('a stopped task', function () {
  this.timeout('30s')
  let directory: string
  let silent: Server
  let task: ChildProcess | undefined

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'runnerhub-stop-'))
    await writeFile(join(directory, 'token'), 'a-token')
    silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
  })
  afterEach(() => task?.kill('SIGKILL'))
  after(async () => {
    silent.close()
    await rm(directory, { recursive: true })
  })

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`ends at once on ${signal}, logs that it is not done, and fails`, async () => {
      const address = silent.address()
      const port = typeof address === 'object' ? address?.port : undefined
      const args = ['--task=try-a-job', '--task-seconds=86400', `--task-url=http://127.0.0.1:${port}`]
      const child = spawn(process.execPath, [main, ...args, `--token-file=${join(directory, 'token')}`])
      task = child
      const output = text(child.stdout)
      const ended = once(child, 'exit')
      await once(silent, 'connection')
      child.kill(signal)
      expect(await ended).to.deep.equal([1, null])
      expect(await output)
        .to.include('the task is not done')
        .and.include('stopped before it was done')
    })
  }
})
