import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** How a process ended. */
export type Ending = { is: 'exited'; code: number } | { is: 'killed'; signal: string } | { is: 'timed-out' }

export interface ProcessOptions {
  command: string[]
  environment?: NodeJS.ProcessEnv
  deadlineMs: number
  /** A file for its output; default: the output of this process. */
  outputFile?: string
  /** Time between SIGTERM and SIGKILL. */
  graceMs?: number
}

/**
 * Runs a command in a new process group, with its output on ours. At the deadline, or when the signal is aborted, the
 * whole group gets SIGTERM and then SIGKILL: no descendant keeps running.
 */
export async function runProcess(options: ProcessOptions, signal: AbortSignal): Promise<Ending> {
  const [file = '', ...args] = options.command
  const env = { ...process.env, ...options.environment }
  const deadline = AbortSignal.timeout(options.deadlineMs)
  const output = options.outputFile === undefined ? undefined : openOutput(options.outputFile)
  const to = output ?? 'inherit'
  const child = spawn(file, args, { stdio: ['ignore', to, to], detached: true, env })
  const ended = endOf(child)
  if (output !== undefined) closeSync(output)
  const stop = AbortSignal.any([deadline, signal])
  const isDone = await Promise.race([ended.then(() => true), aborted(stop)])
  if (!isDone && child.pid !== undefined) await endGroup(child.pid, options.graceMs ?? 10_000)
  const ending = await ended
  return deadline.aborted && !isDone ? { is: 'timed-out' } : ending
}

/** A fresh clone has no folder for it yet. */
function openOutput(file: string): number {
  mkdirSync(dirname(file), { recursive: true })
  return openSync(file, 'w')
}

function endOf(child: ChildProcess): Promise<Ending> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      resolve(code === null ? { is: 'killed', signal: String(signal) } : { is: 'exited', code })
    })
  })
}

function aborted(signal: AbortSignal): Promise<false> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(false)
    signal.addEventListener('abort', () => resolve(false), { once: true })
  })
}

/** A group has the pid of its first process, and may outlive it. */
async function endGroup(pid: number, graceMs: number): Promise<void> {
  signalGroup(pid, 'SIGTERM')
  const killAt = performance.now() + graceMs
  while (signalGroup(pid, 0) && performance.now() < killAt) await sleep(20)
  signalGroup(pid, 'SIGKILL')
}

/** Whether the group still has a process that the signal reached; 0 only asks. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, signal)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false
    throw error
  }
}
