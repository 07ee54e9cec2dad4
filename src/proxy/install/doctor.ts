import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathTo } from '../../client/address.ts'
import { Hub, Refused, wordsOf } from '../hub/hub.ts'
import { CommandFailed, installationIn, nodeIn } from './installation.ts'
import { type RunnerFolder, runnerSettings, runnerVersion } from './runner-folder.ts'
import { type Settings, settingsOf } from '../settings.ts'

type Env = Readonly<Record<string, string | undefined>>

/** One thing that must be right, and what to do where it is not. */
export interface Finding {
  isGood: boolean
  text: string
}

/** Looks at everything that a hand-over needs, and changes nothing. */
export async function examine(runner: RunnerFolder, program: string, env: Env): Promise<Finding[]> {
  // The Listener lets its file win.
  const all = { ...env, ...(await fileEnv(runner)) }
  const findings = [...(await runnerFindings(runner, env)), await programFinding(runner, program)]
  try {
    return [...findings, good('the settings can be used'), ...(await hubFindings(settingsOf(all)))]
  } catch (error) {
    return [...findings, bad(`${wordsOf(error)} (set it in ${join(runner.root, '.env')})`)]
  }
}

async function runnerFindings(runner: RunnerFolder, env: Env): Promise<Finding[]> {
  const { worker, isKept } = await installationIn(runner)
  const installed = {
    ours: isKept
      ? good('runnerhub-worker is installed')
      : bad('the Worker of the runner is lost: unpack the runner again'),
    original: isKept
      ? bad('the runner was replaced after the installation, or updated itself: install again')
      : bad('runnerhub-worker is not installed: run install'),
    missing: bad(`there is no runner in ${runner.root}: ${runner.worker} is missing`),
  }[worker]
  if (worker === 'missing') return [installed]
  const version = await runnerVersion(runner, env)
  const settings = await runnerSettings(runner)
  const update = settings?.isUpdateOff === true
  const node = await nodeIn(runner).catch((error: unknown) => error)
  return [
    installed,
    version === undefined ? bad('the runner does not say its version') : good(`the runner has version ${version}`),
    node instanceof CommandFailed ? bad(node.message) : good(`the runner brings Node.js in externals/${String(node)}`),
    settings === undefined
      ? bad('the runner is not configured: run config.sh with --disableupdate')
      : update
        ? good('the runner does not update itself')
        : bad('the runner updates itself: configure it again with --disableupdate'),
  ]
}

async function programFinding({ program: installed }: RunnerFolder, program: string): Promise<Finding> {
  const [there, here] = await Promise.all([installed, program].map((path) => readFile(path).catch(() => undefined)))
  if (there === undefined) return bad(`${installed} is missing: run install`)
  if (here?.equals(there) === true) return good('the installed program is this one')
  return bad('the installed program is another version than this one: run install')
}

async function hubFindings(settings: Settings): Promise<Finding[]> {
  const hub = new Hub(settings)
  const mode = settings.onUnreachable === 'local' ? ['jobs run on the proxy while the hub is unreachable'] : []
  try {
    await hub.call(pathTo('listJobs', { query: { limit: 1 } }), { withinMs: 10_000 }, new AbortController().signal)
  } catch (error) {
    // A token that may delegate jobs need not have the right to list them.
    const isKnown = error instanceof Refused && error.status === 403
    if (error instanceof Refused && error.status === 401) return [bad('the hub does not know the token')]
    if (!isKnown) return [bad(`${hub.url}: ${wordsOf(error)}`)]
  }
  return [good(`${hub.url} answers, and knows the token`), ...mode.map(good)]
}

/** The variables in the runner's file `.env`, which its Listener hands on. */
async function fileEnv({ root }: RunnerFolder): Promise<Env> {
  const text = await readFile(join(root, '.env'), 'utf8').catch(() => '')
  const pairs = text.split(/\r?\n/).map((line) => /^([^=]+)=(.*)$/.exec(line))
  return Object.fromEntries(pairs.flatMap((pair) => (pair === null ? [] : [[pair[1] ?? '', pair[2] ?? '']])))
}

function good(text: string): Finding {
  return { isGood: true, text }
}

function bad(text: string): Finding {
  return { isGood: false, text }
}
