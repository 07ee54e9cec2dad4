import { randomUUID } from 'node:crypto'
import { basename } from 'node:path'
import process from 'node:process'
import { isatty } from 'node:tty'
import { systemClock } from '../kube/runtime/clock.ts'
import { COMPLETE } from './completion/scripts.ts'
import type { Output } from './host.ts'
import { runPlugin } from './run.ts'

// kubectl-runnerhub, which kubectl runs for `kubectl runnerhub`. Under the name kubectl_complete-runnerhub it completes.

/** Set in the bundle; see config/plugin/build. */
declare const PLUGIN_VERSION: string | undefined

const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => interrupted.abort(new Error(`ended by ${signal}`)))
}
for (const stream of [process.stdout, process.stderr]) {
  // A reader such as `head` has seen enough.
  stream.on('error', () => process.exit(0))
}

function outputOf(stream: NodeJS.WriteStream & { fd: number }): Output {
  const isTerminal = isatty(stream.fd)
  return {
    write: (text) => new Promise((resolve) => stream.write(text, () => resolve())),
    isTerminal,
    // They are missing where it is no terminal, and change with its size.
    get columns() {
      return isTerminal ? stream.columns : 80
    },
    get rows() {
      return isTerminal ? stream.rows : 24
    },
  }
}

async function main(): Promise<void> {
  const isCompletion = basename(process.argv[1] ?? '').startsWith('kubectl_complete-')
  const args = [...(isCompletion ? [COMPLETE] : []), ...process.argv.slice(2)]
  const host = {
    env: process.env,
    out: outputOf(process.stdout),
    err: outputOf(process.stderr),
    clock: systemClock,
    random: Math.random,
    uuid: randomUUID,
    signal: interrupted.signal,
  }
  process.exitCode = await runPlugin(args, host, typeof PLUGIN_VERSION === 'undefined' ? 'unbuilt' : PLUGIN_VERSION)
}

void main()
