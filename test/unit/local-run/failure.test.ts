import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect } from 'chai'
import { run } from '../../../config/local/run.d/program.ts'

const program = new URL('../../../config/local/run.d/main.ts', import.meta.url).pathname

describe('a step of make run that fails', () => {
  it('ends it with exit code 1, the cause and an advice', async () => {
    const server = createServer().listen({ port: 0, host: '127.0.0.1' })
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    // If it continues, then to a cluster that does not exist. It must not inherit the settings of the make that runs the tests.
    const environment = { RUNNERHUB_KUBECONFIG: '/dev/null', MAKEFLAGS: '' }
    const command = [process.execPath, program, `RUN_HTTP_PORT=${port}`] as const
    const { code, stdout, stderr } = await run(command, { environment }, AbortSignal.timeout(30_000))
    server.close()
    expect(code, stderr).to.equal(1)
    expect(stdout).to.equal('')
    expect(stderr).to.include(`error: port ${port} cannot be used: a program listens on 127.0.0.1:${port}`)
    expect(stderr).to.match(/^what to do: end the program that listens there .* make run RUN_HTTP_PORT=\d+$/m)
  })
})
