import { access, mkdir } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { locked } from '../../config/local/run.d/lock.ts'
import { run } from '../../config/local/run.d/program.ts'

const VERSION = '4.32.5'

/** Time limits of the installation from PyPI, and of a run beyond its own budget. */
const INSTALL_MS = 180_000
const SLACK_MS = 180_000

/**
 * The path of Schemathesis, a fuzzer driven by an OpenAPI document. It is installed once into the cache of this project,
 * from PyPI.
 */
export async function installSchemathesis(): Promise<string> {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'runnerhub')
  const folder = join(cache, `schemathesis-${VERSION}`)
  const program = join(folder, 'bin/schemathesis')
  const signal = AbortSignal.timeout(INSTALL_MS)
  await mkdir(cache, { recursive: true })
  await locked(join(cache, 'schemathesis.lock'), () => installInto(folder, program, signal), signal)
  return program
}

async function installInto(folder: string, program: string, signal: AbortSignal): Promise<void> {
  const isThere = await access(join(folder, 'complete')).then(
    () => true,
    () => false,
  )
  if (isThere) return
  const pip = `"$1/bin/pip" install --quiet --disable-pip-version-check "schemathesis==${VERSION}"`
  const script = `rm -rf "$1" && python3 -m venv "$1" && ${pip} && "$2" --version && touch "$1/complete"`
  const { code, stdout, stderr } = await run(['bash', '-euc', script, 'install', folder, program], {}, signal)
  if (code !== 0) throw new Error(`Schemathesis cannot be installed:\n${stdout}${stderr}`)
}

/** Whether this machine has the Python modules for the installation. */
export async function canInstallSchemathesis(): Promise<boolean> {
  const script = 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))'
  return run(['python3', '-c', script], {}, AbortSignal.timeout(INSTALL_MS)).then(
    ({ code }) => code === 0,
    () => false,
  )
}

export interface FuzzOptions {
  url: string
  token: string
  /** Duration of the requests. */
  seconds: number
}

/** Runs it against an operator. Exit code 0 means no findings; the output shows how to repeat each finding. */
export async function runSchemathesis(
  program: string,
  { url, token, seconds }: FuzzOptions,
): Promise<{ code: number; output: string }> {
  const options = [
    '--checks=all',
    '--phases=coverage,fuzzing,stateful',
    `--max-time=${seconds}`,
    '--continue-on-failure',
    '--no-shrink',
    '--generation-database=none',
    '--no-color',
    '--warnings=off',
    `--header=Authorization: Bearer ${token}`,
  ]
  const signal = AbortSignal.timeout(seconds * 1000 + SLACK_MS)
  const command = [program, 'run', `${url}/openapi.json`, ...options] as const
  const { code, stdout, stderr } = await run([...command], { directory: tmpdir() }, signal)
  return { code, output: `${stdout}${stderr}`.replaceAll(token, 'TOKEN') }
}
