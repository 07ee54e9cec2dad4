import process from 'node:process'
import { dirname, resolve } from 'node:path'
import { systemClock } from '../kube/runtime/clock.ts'
import { type Ending, failure } from './job/ending.ts'
import { runCommand } from './command.ts'
import { HandOver } from './job/hand-over.ts'
import { wordsOf } from './hub/hub.ts'
import { openPipe, readPipe } from './job/listener-pipe.ts'
import { runLocally } from './job/local-worker.ts'
import { runnerFolder } from './install/runner-folder.ts'
import { BadSettings, settingsOf, withoutOwn } from './settings.ts'

// runnerhub-worker spawnclient IN OUT: in place of a runner's bin/Runner.Worker, as its Listener starts it.
// runnerhub-worker install|uninstall|doctor DIR: for people.

async function spawnClient(input: number, output: number, program: string): Promise<Ending> {
  const pipe = readPipe(openPipe(input))
  // Its result is awaited later.
  pipe.job.catch(() => {})
  // The Listener decides what becomes of a job when somebody interrupts the runner.
  process.on('SIGINT', () => {})
  const stopped = new AbortController()
  process.on('SIGTERM', () => stopped.abort())
  // A Listener that is gone takes no lines.
  process.stdout.on('error', () => {})
  process.stderr.on('error', () => {})
  const runner = runnerFolder(dirname(dirname(program)))
  const env = withoutOwn(process.env)
  return new HandOver({
    settings: settingsOf(process.env),
    runner,
    pipe,
    clock: systemClock,
    random: Math.random,
    env,
    write: (lines) => process.stdout.write(lines),
    stopped: stopped.signal,
    runLocally: (job, cancelled) => runLocally({ path: runner.original, job, output, cancelled, env }),
  }).run()
}

async function main(): Promise<void> {
  const [mode = '', ...args] = process.argv.slice(2)
  const program = resolve(process.argv[1] ?? '')
  if (mode !== 'spawnclient') {
    const { code, out, err } = await runCommand([mode, ...args], { program, env: process.env })
    return leave(code, out, err)
  }
  process.on('uncaughtException', (error) => void end(endingOfFault(error)))
  await end(await worker(args, program).catch(endingOfFault))
}

/** A setting that cannot be used, or a fault of this program: GitHub shows what it says, so it is one line. */
function endingOfFault(error: unknown): Ending {
  if (error instanceof BadSettings) return failure(`RunnerHub: ${error.message}`)
  return failure(`RunnerHub: runnerhub-worker failed: ${wordsOf(error)}`)
}

async function end(ending: Ending): Promise<void> {
  await leave(ending.code, '', ending.lines.map((line) => `${line}\n`).join(''))
}

/** Ends the process with its last words, once all that was written before is out, or nobody takes it. */
async function leave(code: number, out: string, err: string): Promise<void> {
  const written = [
    new Promise((done) => process.stdout.write(out, done)),
    new Promise((done) => process.stderr.write(err, done)),
  ]
  const late = systemClock.sleep(5000, new AbortController().signal)
  await Promise.race([Promise.all(written), late])
  process.exit(code)
}

function worker(args: readonly string[], program: string): Promise<Ending> {
  const [input, output, ...others] = args.map((arg) => (/^\d+$/.test(arg) ? Number(arg) : undefined))
  if (input === undefined || output === undefined || others.length > 0) {
    return Promise.resolve(failure('RunnerHub: spawnclient wants the numbers of two descriptors'))
  }
  return spawnClient(input, output, program)
}

void main()
