import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { root } from '../../../config/local/run.d/cluster.ts'
import { eventually } from '../../observe/eventually.ts'

/** A `make run` in its own process group, as in a terminal. */
export interface MakeRun {
  /** The exit code of make, or the signal that it ended by. */
  ended: Promise<number | string>
  /** Its output so far, stdout and stderr. */
  output(): string
  /** Resolves when it has printed this; rejects if it ends before. */
  printed(text: string, withinMs?: number): Promise<void>
  /** Ctrl-C. */
  interrupt(): void
  /** Ends it, if it still runs. */
  kill(): void
}

export function startMakeRun(settings: string[]): MakeRun {
  const { MAKEFLAGS: _flags, MAKELEVEL: _level, MFLAGS: _old, ...env } = process.env
  const child = spawn('make', ['run', ...settings], {
    cwd: root,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const ended = once(child, 'close').then(() => child.exitCode ?? String(child.signalCode))
  return {
    ended,
    output: () => output,
    async printed(text, withinMs = 100_000) {
      const isPrinted = () => output.includes(text)
      const what = `make run to print "${text}"`
      const hasEnded = ended.then((code) => Promise.reject(new Error(`make run ended with ${code}\n${output}`)))
      await Promise.race([eventually(isPrinted, { what, withinMs }), hasEnded])
    },
    interrupt: () => signalGroup(child, 'SIGINT'),
    kill: () => signalGroup(child, 'SIGTERM'),
  }
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(-child.pid, signal)
}

export async function portIsFree(port: number): Promise<boolean> {
  const server = createServer()
  server.listen({ port, host: '127.0.0.1' })
  try {
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}
