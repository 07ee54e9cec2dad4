import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../observe/eventually.ts'
import { command, localTool } from './command.ts'
import { freePort } from './free-port.ts'

/** The account that the server knows. */
export const s3Account = { AWS_ACCESS_KEY_ID: 'tester', AWS_SECRET_ACCESS_KEY: 'a-secret-of-tests' }

/** A running S3 server with one bucket, `logs`. */
export class S3Server {
  readonly endpoint: string
  readonly bucket = 'logs'
  readonly #child: ChildProcess
  readonly #folder: string

  constructor(child: ChildProcess, { folder, endpoint }: { folder: string; endpoint: string }) {
    this.#child = child
    this.#folder = folder
    this.endpoint = endpoint
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

/**
 * Starts Versity S3 Gateway, in the version that config/local/s3 pins, with HTTPS if it gets a certificate. The first call
 * on a machine builds it.
 */
export async function startS3(tls?: { cert: string; key: string }): Promise<S3Server> {
  const binary = await command(localTool('s3-path'))
  const folder = await mkdtemp(join(tmpdir(), 'runnerhub-s3-'))
  await Promise.all(['data/logs', 'metadata'].map((each) => mkdir(join(folder, each), { recursive: true })))
  const port = await freePort()
  const files = Object.entries(tls ?? {}).map(([name, text]) => ({ flag: `--${name}`, file: join(folder, name), text }))
  for (const { file, text } of files) await writeFile(file, text)
  const args = [
    ...files.flatMap(({ flag, file }) => [flag, file]),
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
  const server = new S3Server(child, {
    folder,
    endpoint: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
  })
  const accepts = async (): Promise<boolean> => {
    const socket = connect(port, '127.0.0.1')
    return once(socket, 'connect')
      .then(
        () => true,
        () => false,
      )
      .finally(() => socket.destroy())
  }
  await eventually(accepts, { what: 'the S3 server to respond' })
  return server
}
