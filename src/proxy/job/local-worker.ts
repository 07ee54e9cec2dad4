import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { constants, createWriteStream } from 'node:fs'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { encodeFrame, type Frame, frameTypes } from '../../api/frame.ts'
import { type Ending, failure } from './ending.ts'
import { wordsOf } from '../hub/hub.ts'

export interface LocalWorkerOptions {
  /** The runner's own Worker. */
  path: string
  job: Frame
  /** Descriptor on which the Worker may write to the Listener. */
  output: number
  cancelled: AbortSignal
  env: Readonly<Record<string, string | undefined>>
}

/**
 * Runs the job on the proxy, in the runner's own Worker: hands it the frame of the job, and that of a cancel once it
 * comes, over a FIFO, since not every version reads a socket. The Listener's SIGKILL reaches this process alone, so a
 * guard ends the Worker with it.
 */
export async function runLocally({ path, job, output, cancelled, env }: LocalWorkerOptions): Promise<Ending> {
  const fifo = await openFifo()
  const worker = spawn(path, ['spawnclient', '3', '4'], {
    cwd: dirname(path),
    env: { ...env },
    stdio: ['ignore', 'inherit', 'inherit', fifo.reader.fd, output],
  })
  const ended = endOf(worker)
  const guard = worker.pid === undefined ? undefined : guardOf(worker.pid)
  await fifo.reader.close()
  const pipe = createWriteStream('', { fd: fifo.writer.fd, autoClose: false })
  // A Worker that has ended reads nothing more.
  pipe.on('error', () => {})
  pipe.write(job.bytes)
  const cancel = (): void => void pipe.write(encodeFrame(frameTypes.cancel, ''))
  if (cancelled.aborted) cancel()
  cancelled.addEventListener('abort', cancel, { once: true })
  const ending = await ended
  guard?.kill('SIGKILL')
  return ending
}

/** A FIFO without a name, of which both ends are open. */
async function openFifo() {
  const folder = await mkdtemp(join(tmpdir(), 'runnerhub-worker-'))
  try {
    const path = join(folder, 'in')
    await promisify(execFile)('mkfifo', ['-m', '600', path])
    // It can be opened for reading alone only while it has a writer.
    const both = await open(path, 'r+')
    const reader = await open(path, constants.O_RDONLY)
    const writer = await open(path, constants.O_WRONLY)
    await both.close()
    return { reader, writer }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A process that ends another one when this one is gone: it reads a pipe that only this one holds open. */
function guardOf(pid: number): ChildProcess {
  const guard = spawn('/bin/sh', ['-c', 'read -r _; kill -KILL "$1" 2>/dev/null', 'runnerhub-guard', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  guard.on('error', () => {})
  return guard
}

async function endOf(worker: ChildProcess): Promise<Ending> {
  try {
    await once(worker, 'exit')
  } catch (error) {
    return failure(`RunnerHub: the runner's own Worker cannot be started: ${wordsOf(error)}`)
  }
  const { exitCode, signalCode } = worker
  if (exitCode !== null) return { code: exitCode, lines: [] }
  return failure(`RunnerHub: the runner's own Worker was killed by ${signalCode ?? 'a signal'}`)
}
