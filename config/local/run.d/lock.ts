import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Does some work under an exclusive lock file. The lock also ends with this process. */
export async function locked<T>(file: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  // The program after flock keeps the lock until its input ends.
  const holder = spawn('flock', [file, 'sh', '-c', 'echo held; cat'], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(holder, 'exit')
  try {
    await Promise.race([once(holder.stdout, 'data', { signal }), ended.then(() => fail(file))])
  } catch (error) {
    holder.kill()
    throw error
  }
  try {
    return await work()
  } finally {
    holder.stdin.end()
    await ended
  }
}

function fail(file: string): never {
  throw new Error(`cannot lock ${file}`)
}
