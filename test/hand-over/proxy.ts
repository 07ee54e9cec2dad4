import { execFile } from 'node:child_process'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { installRunner } from './runner.ts'

const root = join(import.meta.dirname, '../..')

/** Bundles the program of the proxies. */
export async function bundle(file: string): Promise<void> {
  await promisify(execFile)(join(root, 'config/proxy/build'), [file])
}

export interface ProxyRunner {
  version: string
  name?: string
  /** Whether it was configured with --disableupdate; undefined where it is not configured. */
  isUpdateOff?: boolean | undefined
}

/** Puts a runner into a folder as its archive and its configuration leave it, with the Node.js that it brings. */
export async function configureRunner(directory: string, { version, ...settings }: ProxyRunner): Promise<void> {
  await installRunner(directory, version)
  const node = join(directory, 'externals/node20/bin')
  await mkdir(node, { recursive: true })
  await symlink(process.execPath, join(node, 'node'))
  const { name = 'proxy-1', isUpdateOff } = settings
  if (!('isUpdateOff' in settings) || isUpdateOff !== undefined) {
    const fields = { agentId: 7, agentName: name, poolId: 1, serverUrl: 'https://example.com/', workFolder: '_work' }
    const text = JSON.stringify({ ...fields, ...((isUpdateOff ?? true) && { disableUpdate: true }) })
    await writeFile(join(directory, '.runner'), `\uFEFF${text}`)
  }
}

/** A proxy runner with the program installed, and the settings of its jobs. */
export interface Proxy {
  /** The folder of the runner. */
  runner: string
  env: Record<string, string>
}

/** Installs the program `file` in a new runner below a folder, as people do. */
export async function installProxy(
  folder: string,
  file: string,
  {
    name,
    version,
    token,
    settings,
  }: { name: string; version: string; token: string; settings: Record<string, string> },
): Promise<Proxy> {
  const runner = join(folder, name)
  await configureRunner(runner, { version, name })
  const { code, err } = await runProgram(file, ['install', runner])
  if (code !== 0) throw new Error(`runnerhub-worker install: ${err}`)
  const tokenFile = join(runner, '.runnerhub-token')
  await writeFile(tokenFile, `${token}\n`, { mode: 0o600 })
  return { runner, env: { ...settings, RUNNERHUB_TOKEN_FILE: tokenFile } }
}

export interface Ran {
  code: number
  out: string
  err: string
}

/** Runs the program as people do. */
export async function runProgram(file: string, args: string[], env: Record<string, string> = {}): Promise<Ran> {
  return new Promise((resolve) => {
    const options = { env: { PATH: process.env['PATH'], ...env } }
    execFile(process.execPath, [file, ...args], options, (error, out, err) => {
      const code = error === null ? 0 : Number(error.code)
      resolve({ code, out, err })
    })
  })
}
