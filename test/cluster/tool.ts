import { execFile } from 'node:child_process'

export interface Ended {
  code: number
  stdout: string
  stderr: string
}

/** Runs a program to its end; unlike `command`, a failure is a value, for tests that expect one. */
export function ended(program: string, args: string[], env: Record<string, string> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...env }, maxBuffer: 64 * 1024 * 1024 }
    execFile(program, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      resolve({ code, stdout, stderr })
    })
  })
}

/** The folder of this clone's tools. */
export const toolFolder = new URL('../../config/local/', import.meta.url).pathname

/** Runs `cluster VERB...` and returns its output, which is in the message of a failure. */
export async function cluster(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await ended(`${toolFolder}cluster`, args)
  if (code !== 0) throw new Error(`cluster ${args.join(' ')} ended with ${code}: ${stderr}${stdout}`)
  return stdout.trim()
}

/** The variables of `cluster env`, by name. */
export async function clusterEnv(): Promise<Record<string, string>> {
  const pairs = (await cluster('env')).split('\n').map((line) => line.split('='))
  return Object.fromEntries(pairs.map(([name = '', value = '']): [string, string] => [name, value]))
}
