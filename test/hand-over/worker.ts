// Stands in for a runner's bin/Runner.Worker: node worker.ts RUNNER_DIRECTORY spawnclient IN OUT
// Reads the frames of the Listener from descriptor IN, writes the job's log in pages as the real one does, and does what
// the message asks under `standIn`.
import { createHash } from 'node:crypto'
import { mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { frameBody, FrameDecoder, frameTypes } from '../../src/api/frame.ts'
import { asObject } from '../../src/kube/client/parse.ts'

const MARK = '\uFEFF'
/** The real one writes through a buffer of this size: what does not fill it shows at the end of the page. */
const BLOCK = 4096
const timeline = '3f1c7a52-0000-4000-8000-000000000001'

/** The pages of one record of the job: written in blocks, started over when they are full, deleted when they are closed. */
class Pages {
  readonly #folder: string
  readonly #record: string
  readonly #options: { pageBytes: number; deleteAfterMs: number }
  #count = 0
  #descriptor: number | undefined
  #buffer = Buffer.alloc(0)
  #bytes = 0
  #path = ''

  constructor(folder: string, name: string, options: { pageBytes: number; deleteAfterMs: number }) {
    this.#folder = folder
    this.#record = name
    this.#options = options
    mkdirSync(folder, { recursive: true })
  }

  write(line: string): void {
    if (this.#descriptor === undefined) this.#begin()
    const bytes = Buffer.from(`${line}\n`)
    this.#buffer = Buffer.concat([this.#buffer, bytes])
    this.#bytes += bytes.length
    while (this.#buffer.length >= BLOCK) {
      if (this.#descriptor !== undefined) writeSync(this.#descriptor, this.#buffer.subarray(0, BLOCK))
      this.#buffer = this.#buffer.subarray(BLOCK)
    }
    if (this.#bytes >= this.#options.pageBytes) this.end()
  }

  end(): void {
    if (this.#descriptor === undefined) return
    writeSync(this.#descriptor, this.#buffer)
    this.#descriptor = undefined
    const path = this.#path
    setTimeout(() => rmSync(path), this.#options.deleteAfterMs).unref()
  }

  #begin(): void {
    this.#count += 1
    this.#path = join(this.#folder, `${timeline}_${this.#record}_${this.#count}.log`)
    this.#descriptor = openSync(this.#path, 'wx')
    this.#buffer = Buffer.from(MARK)
    this.#bytes = 0
  }
}

const [runner = '', mode, input = '', output = ''] = process.argv.slice(2)
if (mode !== 'spawnclient' || !/^\d+$/.test(input) || !/^\d+$/.test(output)) {
  process.stderr.write(`Runner.Worker: spawnclient IN OUT is wanted, got ${process.argv.slice(2).join(' ')}\n`)
  process.exit(1)
}

const decoder = new FrameDecoder()
const cancelled = new AbortController()
/** After its first frame the Worker reads one more. */
const wanted = { newJob: true, more: true }

// A read of a file would hold up the end of the process.
new Socket({ fd: Number(input), writable: false }).on('data', (piece: Buffer) => {
  for (const frame of decoder.push(piece)) {
    if (wanted.newJob) {
      wanted.newJob = false
      if (frame.type !== frameTypes.newJob) process.exit(11)
      void run(frame.bytes, frameBody(frame))
    } else if (wanted.more) {
      wanted.more = false
      if (frame.type !== frameTypes.cancel || frame.bytes.length !== 8) process.exit(12)
      cancelled.abort()
    }
  }
})

/** The job, as the message asks for it. */
async function run(bytes: Uint8Array, text: string): Promise<void> {
  const message = asObject(JSON.parse(text.replace(MARK, '')))
  const asked = asObject(message['standIn'])
  const number = (name: string, otherwise: number): number => Number(asked[name] ?? otherwise)
  const word = (name: string): string => {
    const value = asked[name]
    return typeof value === 'string' ? value : ''
  }
  const jobId = typeof message['jobId'] === 'string' ? message['jobId'] : ''
  const options = { pageBytes: number('pageBytes', 8 * 1024 * 1024), deleteAfterMs: number('deleteAfterMs', 5000) }
  const pages = join(runner, '_diag/pages')
  const job = new Pages(pages, jobId, options)
  const step = new Pages(pages, '9e000000-0000-4000-8000-0000000000ff', options)
  const blocks = new Pages(join(runner, '_diag/blocks'), jobId, options)
  const write = (line: string): void => {
    for (const each of [job, step, blocks]) each.write(`2026-01-01T00:00:00.0000000Z ${line}`)
    // Where nobody follows the pages.
    if (asked['toStdout'] === true) process.stdout.write(`[WORKER] ${line}\n`)
  }
  // As the real one does with this setting.
  if (process.env['ACTIONS_RUNNER_PRINT_LOG_TO_STDOUT'] !== undefined) process.stdout.write(`${text}\n`)
  write(`frame sha256=${createHash('sha256').update(bytes).digest('hex')} bytes=${bytes.length}`)
  write(`settings ${readFileSync(join(runner, '.runner'), 'utf8').trim()}`)
  write(`cwd ${process.cwd()}`)
  write(`pid ${process.pid}`)
  write(`env ${Object.keys(process.env).sort().join(' ')}`)
  for (const [index, name] of (Array.isArray(asked['steps']) ? asked['steps'] : []).entries()) {
    write(`##[group]Step ${index + 1}: ${name}`)
    write('##[endgroup]')
  }
  for (let line = 1; line <= number('lines', 0); line++) {
    write(`line ${line} ${word('text')}`)
    if (line % number('burst', 1000) === 0) await sleep(1)
  }
  const onCancel = word('onCancel') || 'obey'
  const signal = onCancel === 'obey' ? cancelled.signal : undefined
  await sleep(number('runMs', 0), undefined, { signal }).catch(() => {})
  const obeys = signal?.aborted === true
  if (obeys) write('the job was cancelled')
  write('the last line')
  for (const each of [job, step, blocks]) each.end()
  // What was written before is out then.
  await new Promise((resolve) => process.stdout.write('', resolve))
  if (word('dieBy') === 'SIGKILL') process.kill(process.pid, 'SIGKILL')
  process.exit(obeys ? 103 : number('exitCode', 100))
}
