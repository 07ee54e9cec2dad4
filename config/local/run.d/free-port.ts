import { once } from 'node:events'
import { createServer } from 'node:net'
import { StepFailed } from './step-failed.ts'

/** Fails if a program on this machine listens on the port already, on either address of localhost. */
export async function demandFreePort(port: number, variable: string): Promise<void> {
  const problems = await Promise.all(['127.0.0.1', '::1'].map((host) => problemOf(port, host)))
  const problem = problems.find((each) => each !== undefined)
  if (problem === undefined) return
  const another = port < 50_000 ? port + 10_000 : port - 10_000
  throw new StepFailed(`port ${port} cannot be used: ${problem}`, {
    advice: `end the program that listens there (an earlier \`make run\`?), or choose another port: make run ${variable}=${another}`,
  })
}

async function problemOf(port: number, host: string): Promise<string | undefined> {
  const server = createServer()
  try {
    server.listen({ port, host, exclusive: true })
    await once(server, 'listening')
    return undefined
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'EADDRINUSE') return `a program listens on ${host}:${port}`
    if (code === 'EACCES') return 'only root may listen on it'
    // This machine has no IPv6.
    return undefined
  } finally {
    server.close()
  }
}
