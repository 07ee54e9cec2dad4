import { spawn } from 'node:child_process'
import { Socket } from 'node:net'

/**
 * Runs a command when the returned function is called, or when this process ends in any way: a killed run leaves
 * nothing behind. The function waits for the end of the command.
 */
export function atTheEnd(program: string, ...args: string[]): () => Promise<void> {
  const whenInputEnds = 'cat >/dev/null; exec "$0" "$@"'
  const child = spawn('sh', ['-c', whenInputEnds, program, ...args], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  child.unref()
  const { stdin } = child
  if (stdin instanceof Socket) stdin.unref()
  return async () => {
    child.ref()
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
    stdin.end()
    if ((await ended) !== 0) throw new Error(`${program} ${args.join(' ')} failed`)
  }
}
