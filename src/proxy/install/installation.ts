import { execFile } from 'node:child_process'
import { access, chmod, constants, copyFile, link, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { wordsOf } from '../hub/hub.ts'
import { type RunnerFolder, runnerSettings } from './runner-folder.ts'

/** A command cannot do what it should; the message says why and what helps. */
export class CommandFailed extends Error {
  override name = 'CommandFailed'
}

const MARK = '# Put here by runnerhub-worker.'

/** Folders in which a runner brings its Node.js, the best first. */
const nodeFolders = ['node24', 'node20']

/**
 * The Worker that is put in place of the runner's own. It is replaced by Node.js, since the Listener kills no children;
 * warnings of that would stand in the annotation of a job.
 */
function stub(node: string): string {
  return `#!/bin/sh
${MARK} The runner's own is Runner.Worker.original beside this file.
case $0 in */*) bin=\${0%/*} ;; *) bin=. ;; esac
bin=$(CDPATH='' cd -- "$bin" && pwd -P) || exit 1
exec "$bin/../externals/${node}/bin/node" --no-warnings "$bin/runnerhub-worker.cjs" "$@"
`
}

export interface Installation {
  /** Whose program is bin/Runner.Worker: ours, the runner's, or nobody's. */
  worker: 'ours' | 'original' | 'missing'
  /** Whether the runner's own Worker is kept. */
  isKept: boolean
}

/** Looks at what is installed in a folder. */
export async function installationIn(runner: RunnerFolder): Promise<Installation> {
  const worker = await workerIn(runner.worker)
  return { worker, isKept: (await workerIn(runner.original)) === 'original' }
}

/**
 * Puts the program in place of the runner's Worker, which is kept; what was installed before is replaced. At no moment is
 * there no Worker.
 */
export async function install(runner: RunnerFolder, program: string): Promise<string[]> {
  await checkRunner(runner)
  const node = await nodeIn(runner)
  const settings = await runnerSettings(runner)
  if (settings?.isUpdateOff === false) {
    throw new CommandFailed(
      `the runner in ${runner.root} updates itself, which would replace what is installed now: ` +
        'configure it again with --disableupdate (./config.sh remove, then ./config.sh --disableupdate …)',
    )
  }
  const { worker, isKept } = await installationIn(runner)
  if (worker === 'ours' && !isKept) {
    throw new CommandFailed(`${runner.original} is missing, which is the runner's own Worker: unpack the runner again`)
  }
  await changing(runner, async () => {
    await replace(runner.program, (path) => copyFile(program, path))
    // A runner that was unpacked over an old installation brings a new Worker.
    if (worker === 'original') await replace(runner.original, (path) => sameFile(runner.worker, path))
    await replace(runner.worker, (path) => writeFile(path, stub(node)))
  })
  const later = 'The runner is not configured yet: configure it with --disableupdate.'
  return [`Installed in ${runner.root}; the runner's own Worker is kept.`, ...(settings === undefined ? [later] : [])]
}

/** Puts the runner's own Worker back. */
export async function uninstall(runner: RunnerFolder): Promise<string[]> {
  const { worker, isKept } = await installationIn(runner)
  if (worker === 'original' && !isKept) {
    await changing(runner, () => rm(runner.program, { force: true }))
    return [`Nothing is installed in ${runner.root}.`]
  }
  if (!isKept) {
    if (worker === 'missing') await checkRunner(runner)
    throw new CommandFailed(`${runner.original} is missing, which is the runner's own Worker: unpack the runner again`)
  }
  await changing(runner, async () => {
    if (worker === 'original') await rm(runner.original)
    else await rename(runner.original, runner.worker)
    await rm(runner.program, { force: true })
  })
  return [`The runner in ${runner.root} has its own Worker again.`]
}

/** The folder of the runner's own Node.js that runs the program. */
export async function nodeIn({ root }: RunnerFolder): Promise<string> {
  for (const folder of nodeFolders) {
    const path = join(root, 'externals', folder, 'bin/node')
    const version = await versionOf(path)
    if (version !== undefined && Number(/^v(\d+)\./.exec(version)?.[1]) >= 20) return folder
  }
  throw new CommandFailed(`${join(root, 'externals')} has no Node.js 20 or newer: the runner is too old`)
}

async function checkRunner({ root, listener, worker, original }: RunnerFolder): Promise<void> {
  const isThere = await stat(root).catch(() => undefined)
  if (isThere?.isDirectory() !== true) throw new CommandFailed(`${root} is no folder`)
  const missing = [listener].concat((await exists(original)) ? [] : [worker])
  for (const path of missing) {
    if (!(await exists(path))) throw new CommandFailed(`there is no runner in ${root}: ${path} is missing`)
  }
}

async function workerIn(path: string): Promise<Installation['worker']> {
  const bytes = await readFile(path).catch(() => undefined)
  if (bytes === undefined) return 'missing'
  return bytes.subarray(0, 200).includes(MARK) ? 'ours' : 'original'
}

/** Puts a new file in place of another at once. */
async function replace(path: string, make: (temporary: string) => Promise<unknown>): Promise<void> {
  const temporary = `${path}.new`
  await rm(temporary, { force: true })
  await make(temporary)
  await chmod(temporary, 0o755)
  await rename(temporary, path)
}

/** A second name for a file, or a copy where the file system has no such thing. */
async function sameFile(path: string, other: string): Promise<void> {
  await link(path, other).catch(() => copyFile(path, other))
}

async function changing({ root }: RunnerFolder, change: () => Promise<void>): Promise<void> {
  try {
    await change()
  } catch (error) {
    throw new CommandFailed(`${join(root, 'bin')} cannot be changed, do it as its owner: ${wordsOf(error)}`)
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path, constants.F_OK).then(
    () => true,
    () => false,
  )
}

function versionOf(node: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(node, ['--version'], { timeout: 10_000 }, (error, stdout) => resolve(error === null ? stdout : undefined))
  })
}
