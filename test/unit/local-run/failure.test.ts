import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect } from 'chai'
import { run } from '../../../config/local/run.d/program.ts'

const program = new URL('../../../config/local/run.d/main.ts', import.meta.url).pathname

describe('a step of make run that fails', () => {
  it('ends it with 1, says what was seen and what to do', async () => {
    const server = createServer().listen({ port: 0, host: '127.0.0.1' })
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    // Should it go on, then to a cluster that does not exist. Settings of the make that runs the tests are not its own.
    const environment = { RUNNERHUB_KUBECONFIG: '/dev/null', MAKEFLAGS: '' }
    const command = [process.execPath, program, `RUN_HTTP_PORT=${port}`] as const
    const { code, stdout, stderr } = await run(command, { environment }, AbortSignal.timeout(30_000))
    server.close()
    expect(code, stderr).to.equal(1)
    expect(stdout).to.equal('')
    expect(stderr).to.include(`error: port ${port} cannot be used: something listens on 127.0.0.1:${port}`)
    expect(stderr).to.match(/^what to do: end what listens there .* make run RUN_HTTP_PORT=\d+$/m)
  })
})
