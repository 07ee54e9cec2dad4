import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { encodeFrame, frameTypes } from '../../src/api/frame.ts'

const results = ['Succeeded', 'SucceededWithIssues', 'Failed', 'Canceled', 'Skipped', 'Abandoned']

/** The numbers under which the Worker inherits its ends of the two pipes. */
const descriptors = { input: 7, output: 9 }

/** How a job ended, as the Listener reports it to GitHub. */
export interface JobReport {
  result: string
  /** The lines that GitHub shows at the job: all output of a Worker that crashed, but for its own trace. */
  annotation: string[]
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface ListenerOptions {
  env?: Record<string, string>
  /** How long the Worker may take to read its job. */
  channelMs?: number
  /** How long it may take to end after a cancel. */
  killAfterMs?: number
  /** Gets each line of the Worker's stdout and stderr. */
  onLine?: (line: string) => void
}

/**
 * Stands in for a runner's bin/Runner.Listener, as its source has it: starts bin/Runner.Worker with two pipes by the
 * numbers of their descriptors, writes a job as one frame, then at most one frame more, kills with SIGKILL where it takes
 * too long, and judges the job by the exit code.
 */
export class Listener {
  readonly #worker: ChildProcess
  readonly #options: Required<ListenerOptions>
  readonly #pipe: { writer: number; output: Socket }
  readonly #report: Promise<JobReport>
  #lines: string[] = []
  #isCancelled = false
  #isGone = false
  stdout = ''
  stderr = ''

  private constructor(
    worker: ChildProcess,
    pipe: { writer: number; output: Socket },
    options: Required<ListenerOptions>,
  ) {
    this.#worker = worker
    this.#pipe = pipe
    this.#options = options
    this.#collect('stdout', worker.stdout)
    this.#collect('stderr', worker.stderr)
    this.#report = this.#end()
  }

  static async start(directory: string, options: ListenerOptions = {}): Promise<Listener> {
    const [input, output] = [await openPipe(), await openPipe()]
    const bin = join(directory, 'bin')
    const { input: read, output: write } = descriptors
    const others = Array.from({ length: write + 1 }, (): 'ignore' | 'pipe' | number => 'ignore')
    const stdio = others
      .with(0, 'pipe')
      .with(1, 'pipe')
      .with(2, 'pipe')
      .with(read, input.reader)
      .with(write, output.writer)
    const worker = spawn(join(bin, 'Runner.Worker'), ['spawnclient', String(read), String(write)], {
      cwd: bin,
      env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'], ...options.env },
      stdio,
    })
    worker.stdin?.end()
    for (const descriptor of [input.reader, output.writer]) closeSync(descriptor)
    const reading = new Socket({ fd: output.reader, writable: false })
    reading.resume()
    const all = { env: {}, channelMs: 30_000, killAfterMs: 45_000, onLine: () => undefined, ...options }
    return new Listener(worker, { writer: input.writer, output: reading }, all)
  }

  get pid(): number {
    return this.#worker.pid ?? 0
  }

  /** Writes the job, in pieces of this many bytes; kills a Worker that does not take it in time. */
  async sendJob(message: string, pieceBytes = 65_536): Promise<void> {
    await this.#write(encodeFrame(frameTypes.newJob, message), pieceBytes)
  }

  /** GitHub cancels the job: the Worker gets some time, and what it exits with does not matter any more. */
  async cancel(type: number = frameTypes.cancel): Promise<void> {
    this.#isCancelled = true
    await this.#write(encodeFrame(type, ''), 65_536)
    const timer = setTimeout(() => this.kill(), this.#options.killAfterMs)
    void this.#report.finally(() => clearTimeout(timer))
  }

  /** SIGKILL to the one process, as the Listener does it. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#worker.kill(signal)
  }

  /** The Listener dies: its ends of all pipes are closed. */
  die(): void {
    this.#isGone = true
    closeSync(this.#pipe.writer)
    this.#pipe.output.destroy()
    this.#worker.stdout?.destroy()
    this.#worker.stderr?.destroy()
  }

  ended(): Promise<JobReport> {
    return this.#report
  }

  /** Ends whatever is left. */
  async close(): Promise<void> {
    this.kill()
    await this.#report
  }

  async #write(bytes: Uint8Array, pieceBytes: number): Promise<void> {
    const killer = setTimeout(() => this.kill(), this.#options.channelMs)
    try {
      for (let at = 0; at < bytes.length; )
        at += await writeSome(this.#pipe.writer, bytes.subarray(at, at + pieceBytes))
    } finally {
      clearTimeout(killer)
    }
  }

  #collect(name: 'stdout' | 'stderr', stream: ChildProcess['stdout']): void {
    let rest = ''
    stream?.setEncoding('utf8').on('data', (text: string) => {
      this[name] += text
      // As .NET reads lines.
      const lines = `${rest}${text}`.split(/\r\n|\r|\n/)
      rest = lines.pop() ?? ''
      for (const line of lines) this.#options.onLine(line)
      this.#lines.push(...lines.filter((line) => name === 'stderr' || !line.startsWith('[WORKER')))
    })
    stream?.on('end', () => rest !== '' && this.#lines.push(rest))
  }

  async #end(): Promise<JobReport> {
    await once(this.#worker, 'close')
    if (!this.#isGone) {
      closeSync(this.#pipe.writer)
      this.#pipe.output.destroy()
    }
    const { exitCode: code, signalCode: signal } = this.#worker
    const word = results[(code ?? 0) - 100]
    const result = this.#isCancelled ? 'Canceled' : (word ?? 'Failed')
    const annotation = word === undefined && !this.#isCancelled ? this.#lines : []
    return { result, annotation, code, signal, stdout: this.stdout, stderr: this.stderr }
  }
}

/** A pipe without a name, of which both ends are open here: Node.js gives children sockets, and .NET gives them pipes. */
async function openPipe(): Promise<{ reader: number; writer: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'runnerhub-listener-'))
  try {
    const path = join(folder, 'pipe')
    await promisify(execFile)('mkfifo', [path])
    const both = openSync(path, 'r+')
    const reader = openSync(path, constants.O_RDONLY)
    const writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
    closeSync(both)
    return { reader, writer }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Writes what the pipe takes, once it takes something. A reader that is gone ends it. */
async function writeSome(descriptor: number, bytes: Uint8Array): Promise<number> {
  for (;;) {
    try {
      return writeSync(descriptor, bytes)
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error) || error.code !== 'EAGAIN') throw error
      await sleep(1)
    }
  }
}
