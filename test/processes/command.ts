import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Runs a program to its end and returns its output; a failure includes its error output. */
export async function command(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(program, args, { maxBuffer: 64 * 1024 * 1024 })
  return stdout.trim()
}

/** A file of the repository's `config/local`. */
export function localTool(name: string): string {
  return new URL(`../../config/local/${name}`, import.meta.url).pathname
}
