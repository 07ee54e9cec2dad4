import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { asObject } from '../../src/kube/client/parse.ts'
import { eventually } from '../observe/eventually.ts'
import { operatorProgram } from './bundled.ts'

export interface OperatorOptions {
  namespace: string
  /** The API server, or a proxy before it. */
  server: URL
  ca: string
  /** The token of the service account. */
  token: string
  /** Its identity in the Lease. A restart under the same identity need not wait for its own Lease. */
  identity?: string
  /** The port of the REST API; by default a free one. */
  httpPort?: number
  /** Further settings, by the names of their environment variables. */
  env?: Readonly<Record<string, string>>
}

type LogLine = { msg?: string } & Record<string, unknown>

const alive = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL')
})

/** Starts the operator as in a pod, with the files of a service account, on free ports. */
export async function startOperator(options: OperatorOptions): Promise<Operator> {
  const directory = await mkdtemp(join(tmpdir(), 'runnerhub-operator-'))
  await Promise.all([
    writeFile(join(directory, 'token'), options.token),
    writeFile(join(directory, 'ca.crt'), options.ca),
  ])
  const child = spawn(
    process.execPath,
    [await operatorProgram(), `--http-port=${options.httpPort ?? 0}`, '--realtime-port=0'],
    {
      env: {
        PATH: process.env['PATH'],
        NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
        POD_NAMESPACE: options.namespace,
        POD_NAME: options.identity ?? 'operator-1',
        KUBERNETES_SERVICE_HOST: options.server.hostname,
        KUBERNETES_SERVICE_PORT: options.server.port,
        SERVICE_ACCOUNT_DIRECTORY: directory,
        ...options.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  return new Operator(child, directory)
}

/** A running operator: its process, its log and its address. */
export class Operator {
  readonly log: LogLine[] = []
  readonly #child: ChildProcess
  readonly #directory: string
  readonly #exited: Promise<void>

  constructor(child: ChildProcess, directory: string) {
    this.#child = child
    this.#directory = directory
    alive.add(child)
    this.#exited = once(child, 'exit').then(() => void alive.delete(child))
    for (const output of [child.stdout, child.stderr]) {
      if (output !== null) createInterface(output).on('line', (line) => this.log.push(parse(line)))
    }
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Undefined while it runs, and if a signal ended it. */
  get exitCode(): number | undefined {
    return this.#child.exitCode ?? undefined
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Its resident memory. */
  async memoryMiB(): Promise<number> {
    const [, pages = '0'] = (await readFile(`/proc/${this.pid}/statm`, 'utf8')).split(' ')
    return (Number(pages) * 4096) / 1024 / 1024
  }

  /** The REST API's address, once it listens. */
  get url(): string {
    return `http://127.0.0.1:${this.#port('rest')}`
  }

  /** The realtime server's address. */
  get realtimeUrl(): string {
    return `ws://127.0.0.1:${this.#port('realtime')}`
  }

  /** Resolves when /readyz returns 200. */
  async ready(withinMs = 45_000): Promise<this> {
    const isReady = async () => !this.isRunning || (await fetch(`${this.url}/readyz`)).status === 200
    await this.#eventually('the operator to be ready', isReady, withinMs)
    if (!this.isRunning) throw new Error(`the operator ended at its start:\n${this.tail()}`)
    return this
  }

  /** Resolves when it has become leader, after the given line of its log. */
  async leads(since = 0, withinMs = 20_000): Promise<void> {
    await this.logged('became leader', since, withinMs)
  }

  /** Resolves when the log has a message, after the given line. */
  async logged(message: string, since = 0, withinMs = 20_000): Promise<LogLine> {
    const find = () => this.log.slice(since).find(({ msg }) => msg === message)
    return this.#eventually(`the message "${message}" in the log`, find, withinMs)
  }

  /** kill -9; synchronous, so that nothing is sent or written after it. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }

  /** Stops the process with SIGSTOP; its connections stay open. */
  freeze(): void {
    this.#child.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child.kill('SIGCONT')
  }

  /** SIGTERM, as from a kubelet; resolves with the milliseconds it took. */
  async terminate(): Promise<number> {
    const begun = performance.now()
    this.#child.kill('SIGTERM')
    await this.#exited
    return performance.now() - begun
  }

  /** Ends it if it still runs, and removes its files. */
  async close(): Promise<void> {
    if (this.isRunning) {
      this.kill()
      this.thaw()
    }
    await this.#exited
    await rm(this.#directory, { recursive: true, force: true })
  }

  /** The last lines of its log, for the message of a failure. */
  tail(lines = 40): string {
    return this.log.slice(-lines).map(shown).join('\n')
  }

  #port(name: string): number {
    const listening = this.log.find((line) => line.msg === 'listening' && line['name'] === name)
    return Number(asObject(listening?.['address'])['port'] ?? 0)
  }

  async #eventually<T>(what: string, condition: () => T | Promise<T>, withinMs: number) {
    try {
      return await eventually(condition, { what, withinMs })
    } catch (error) {
      throw new Error(`${String(error)}\n--- operator log\n${this.tail()}`, { cause: error })
    }
  }
}

function parse(line: string): LogLine {
  try {
    const value: unknown = JSON.parse(line)
    const { msg, ...fields } = asObject(value)
    return { ...fields, ...(typeof msg === 'string' && { msg }) }
  } catch {
    return { msg: line }
  }
}

/** A readable log line: the error in one line, without its stack. */
function shown({ level, time, msg, err, ...rest }: LogLine): string {
  const { message } = asObject(err)
  const why = typeof message === 'string' ? ` — ${message}` : ''
  return `${String(time).slice(11, 23)} ${String(level)} ${msg} ${JSON.stringify(rest)}${why}`
}
