import { spawn, type StdioOptions } from 'node:child_process'
import { text } from 'node:stream/consumers'

/** The exit code of a program, and its captured output. */
export interface Ended {
  code: number
  stdout: string
  stderr: string
}

export interface ProgramOptions {
  /** `show`: on our own output, as it comes. `show-errors`: only stderr. Otherwise both are captured. */
  output?: 'show' | 'show-errors'
  environment?: NodeJS.ProcessEnv
  directory?: string
  input?: string
}

const outputs: Record<'show' | 'show-errors' | 'capture', StdioOptions> = {
  show: ['pipe', 'inherit', 'inherit'],
  'show-errors': ['pipe', 'pipe', 'inherit'],
  capture: ['pipe', 'pipe', 'pipe'],
}

/** Runs a program to its end, whatever its exit code. Ended by the signal, it rejects. */
export async function run(
  [file, ...args]: readonly [string, ...string[]],
  { output, environment = {}, directory, input = '' }: ProgramOptions,
  signal: AbortSignal,
): Promise<Ended> {
  const env = { ...process.env, ...environment }
  const child = spawn(file, args, { stdio: outputs[output ?? 'capture'], env, signal, cwd: directory })
  child.stdin?.on('error', () => undefined).end(input)
  const captured = Promise.all(
    [child.stdout, child.stderr].map(async (stream) => (stream === null ? '' : text(stream))),
  )
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (exitCode) => resolve(exitCode ?? 128))
  })
  signal.throwIfAborted()
  const [stdout = '', stderr = ''] = await captured
  return { code, stdout, stderr }
}

/** The output of a program; a failure includes all its output. */
export async function outputOf(command: readonly [string, ...string[]], signal: AbortSignal): Promise<string> {
  const { code, stdout, stderr } = await run(command, {}, signal)
  if (code === 0) return stdout
  throw new Error(`${command.join(' ')}: exit code ${code}\n${stdout}${stderr}`.trim())
}

/** The last lines of a text. */
export function tail(output: string, lines: number): string {
  return output.trimEnd().split('\n').slice(-lines).join('\n')
}
