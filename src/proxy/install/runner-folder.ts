import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fieldsOf, parsed } from '../../api/json.ts'
import { textOf } from '../json.ts'

/** Where an installed runner has what the proxy needs. */
export interface RunnerFolder {
  root: string
  /** The program that the Listener starts. */
  worker: string
  /** The runner's own Worker. Its program finds its libraries beside itself, so that it stays in `bin`. */
  original: string
  listener: string
  /** The program of the proxy. */
  program: string
  /** The settings of a runner that is configured. */
  settings: string
}

export function runnerFolder(root: string): RunnerFolder {
  const bin = join(root, 'bin')
  return {
    root,
    worker: join(bin, 'Runner.Worker'),
    original: join(bin, 'Runner.Worker.original'),
    listener: join(bin, 'Runner.Listener'),
    program: join(bin, 'runnerhub-worker.cjs'),
    settings: join(root, '.runner'),
  }
}

/** The settings of a runner that matter here. */
export interface RunnerSettings {
  name?: string
  /** Whether it was configured with --disableupdate. */
  isUpdateOff: boolean
}

/** Reads the runner's settings, which begin with a byte order mark; undefined where it is not configured. */
export async function runnerSettings({ settings }: RunnerFolder): Promise<RunnerSettings | undefined> {
  const text = await readFile(settings, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const fields = fieldsOf(parsed(text.replace(/^\uFEFF/, '')))
  const name = textOf(fields['agentName'] ?? fields['AgentName'])
  const isUpdateOff = String(fields['disableUpdate'] ?? fields['DisableUpdate']).toLowerCase() === 'true'
  return { isUpdateOff, ...(name !== undefined && { name }) }
}

type Env = Readonly<Record<string, string | undefined>>

/** The runner's version, or undefined where it does not say one. */
export function runnerVersion({ listener }: RunnerFolder, env: Env): Promise<string | undefined> {
  // With this setting, which the official image has, trace lines stand around the version.
  const quiet = { ...env, ACTIONS_RUNNER_PRINT_LOG_TO_STDOUT: undefined }
  return new Promise((resolve) => {
    execFile(listener, ['--version'], { env: quiet, timeout: 15_000, killSignal: 'SIGKILL' }, (_error, stdout) => {
      resolve(/^\d+(?:\.\d+){1,3}$/m.exec(stdout)?.[0])
    })
  })
}
