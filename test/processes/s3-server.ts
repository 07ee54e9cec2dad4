import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { eventually } from '../observe/eventually.ts'
import { localTool } from './command.ts'
import { freePort } from './free-port.ts'

const run = promisify(execFile)
const binary = new URL('../../build/versitygw', import.meta.url).pathname

/** The account that the server knows. */
export const s3Account = { AWS_ACCESS_KEY_ID: 'tester', AWS_SECRET_ACCESS_KEY: 'a-secret-of-tests' }

/** A running S3 server with one bucket, `logs`. */
export class S3Server {
  readonly endpoint: string
  readonly bucket = 'logs'
  readonly #child: ChildProcess
  readonly #folder: string

  constructor(child: ChildProcess, { folder, port }: { folder: string; port: number }) {
    this.#child = child
    this.#folder = folder
    this.endpoint = `http://127.0.0.1:${port}`
  }

  /** It responds no more, until `thaw`. */
  freeze(): void {
    this.#child.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child.kill('SIGCONT')
  }

  async close(): Promise<void> {
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
    await rm(this.#folder, { recursive: true, force: true })
  }
}

/** Starts Versity S3 Gateway, in the version that config/local/s3 pins. The first call on a machine builds it. */
export async function startS3(): Promise<S3Server> {
  const isBuilt = await access(binary).then(
    () => true,
    () => false,
  )
  const program = 'github.com/versity/versitygw/cmd/versitygw'
  if (!isBuilt) await run('go', ['build', '-o', binary, program], { cwd: localTool('s3') })
  const folder = await mkdtemp(join(tmpdir(), 'runnerhub-s3-'))
  await Promise.all(['data/logs', 'metadata'].map((each) => mkdir(join(folder, each), { recursive: true })))
  const port = await freePort()
  const args = [
    '--port',
    `127.0.0.1:${port}`,
    '--keep-alive',
    '--quiet',
    'posix',
    '--sidecar',
    join(folder, 'metadata'),
  ]
  const { AWS_ACCESS_KEY_ID: ROOT_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY: ROOT_SECRET_ACCESS_KEY } = s3Account
  const env = { PATH: process.env['PATH'], ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY }
  const child = spawn(binary, [...args, join(folder, 'data')], { env, stdio: 'ignore' })
  process.once('exit', () => child.kill('SIGKILL'))
  const server = new S3Server(child, { folder, port })
  const responds = () =>
    fetch(server.endpoint).then(
      () => true,
      () => false,
    )
  await eventually(responds, { what: 'the S3 server to respond' })
  return server
}
