import { BadFrame, type Frame, frameBody } from '../../api/frame.ts'
import type { Clock } from '../../kube/runtime/clock.ts'
import { Bell } from '../bell.ts'
import { type Delegated, delegate } from '../hub/delegation.ts'
import { type Ending, endingOf, failure, isOver, type JobView } from './ending.ts'
import { sendHeartbeats } from '../hub/heartbeats.ts'
import { Hub, Refused, Unreachable, wordsOf } from '../hub/hub.ts'
import { JobEvents } from '../hub/job-events.ts'
import { cancelWhenAsked } from '../hub/job-cancel.ts'
import { BadJobMessage, factsOf, type JobFacts } from './job-message.ts'
import { JobWait } from '../hub/job-wait.ts'
import type { ListenerPipe } from './listener-pipe.ts'
import { copyLog } from '../hub/log-copy.ts'
import { asLines } from '../hub/log-lines.ts'
import { type RunnerFolder, runnerSettings, runnerVersion } from '../install/runner-folder.ts'
import type { Settings } from '../settings.ts'

export interface HandOverParts {
  settings: Settings
  runner: RunnerFolder
  pipe: ListenerPipe
  clock: Clock
  random: () => number
  /** The environment for what is started. */
  env: Readonly<Record<string, string | undefined>>
  /** Takes lines for stdout. */
  write: (lines: string) => void
  /** Aborted once this process is asked to end. */
  stopped: AbortSignal
  /** Runs the job on the proxy. */
  runLocally: (job: Frame, cancelled: AbortSignal) => Promise<Ending>
}

/** The code of a Worker whose job was cancelled. */
const CANCELLED = 103

/** How long the last lines of the log may take after the end of the job. */
const LAST_LINES_MS = 5000

/** Hands a job of the Listener to the hub, waits for its end, and says how to end: all that a Worker does for its job. */
export class HandOver {
  readonly #parts: HandOverParts
  readonly #hub: Hub
  readonly #cancelled: AbortSignal

  constructor(parts: HandOverParts) {
    this.#parts = parts
    this.#hub = new Hub(parts.settings)
    this.#cancelled = AbortSignal.any([parts.pipe.cancelled, parts.stopped])
  }

  async run(): Promise<Ending> {
    const { pipe, settings, runLocally } = this.#parts
    const never = new AbortController().signal
    let job: Frame
    let facts: JobFacts
    try {
      job = await pipe.job
      facts = factsOf(frameBody(job))
    } catch (error) {
      if (error instanceof BadFrame || error instanceof BadJobMessage) return failure(`RunnerHub: ${error.message}`)
      throw error
    }
    const { url } = this.#hub
    try {
      const delegated = await this.#delegate(job, facts, never)
      if (delegated === undefined) return { code: CANCELLED, lines: [] }
      return await this.#follow(delegated, facts)
    } catch (error) {
      // A job that the hub may have must not run here as well.
      const isHere = error instanceof Unreachable && !error.mayHaveArrived && !this.#isDelegated
      if (isHere && settings.onUnreachable === 'local') {
        this.#say(`the hub is unreachable (${wordsOf(error)}): the job runs on the proxy`)
        return runLocally(job, this.#cancelled)
      }
      return endingOfError(error, url)
    }
  }

  #isDelegated = false

  async #delegate(job: Frame, facts: JobFacts, signal: AbortSignal): Promise<Delegated | undefined> {
    const { settings, runner, clock, random, env } = this.#parts
    const [known, version] = await Promise.all([runnerSettings(runner), runnerVersion(runner, env)])
    if (known?.isUpdateOff === false) this.#say('this runner updates itself: configure it with --disableupdate')
    const delegation = {
      facts,
      frame: job.bytes,
      labels: settings.labels,
      ...(known?.name !== undefined && { runnerName: known.name }),
      ...(version !== undefined && { runnerVersion: version }),
    }
    const tries = { hub: this.#hub, clock, random, retryMs: settings.retryMs, cancelled: this.#cancelled }
    const delegated = await delegate(delegation, tries, signal)
    this.#isDelegated = delegated !== undefined
    if (delegated !== undefined) this.#runnerName = known?.name
    return delegated
  }

  #runnerName: string | undefined

  /** Waits for the end of the job; whatever else there is to do ends with that. */
  async #follow({ id, headers }: Delegated, { repository }: JobFacts): Promise<Ending> {
    const { settings, pipe, clock, random, write } = this.#parts
    const say = (text: string): void => this.#say(text)
    const where = `${this.#hub.url}/api/jobs/${id}`
    this.#say(`the job is ${where}`)
    const over = new AbortController()
    const bell = new Bell()
    const common = { hub: this.#hub, id, clock, random, bell }
    const onState = this.#stateLine()
    const { realtimeUrl: url } = settings
    const onEvent = (status: string): void => {
      onState({ status })
      if (status === 'gone' || isOver({ status })) bell.ring()
    }
    const options = { hub: this.#hub, repository, jobId: id, clock, random, onState: onEvent }
    const events = url === undefined ? undefined : new JobEvents({ ...options, url })
    const log = new AbortController()
    const copied = copyLog({ ...common, write, over: over.signal }, log.signal)
    const others = [
      events?.follow(over.signal),
      sendHeartbeats({ ...common, name: this.#runnerName, everyMs: settings.heartbeatMs, say }, over.signal),
      cancelWhenAsked(
        { ...common, asked: this.#cancelled, gone: pipe.gone, orphanMs: settings.orphanMs, say },
        over.signal,
      ),
    ]
    try {
      const isHeard = (): boolean => events?.isLive === true
      const view = await new JobWait({ ...common, isHeard, lostMs: settings.lostMs, onState }, headers).end(over.signal)
      over.abort()
      await Promise.race([copied, clock.sleep(LAST_LINES_MS, log.signal)])
      return endingOf(view, where)
    } finally {
      over.abort()
      log.abort()
      await Promise.allSettled([copied, ...others])
    }
  }

  /** Shows each state of the job once. */
  #stateLine(): (view: JobView) => void {
    let shown = ''
    return ({ status, reason }) => {
      const line = `the job is ${status}${reason === undefined ? '' : ` (${reason})`}`
      if (status === 'gone' || line === shown || shown.startsWith(`${line} `)) return
      shown = line
      this.#say(line)
    }
  }

  #say(text: string): void {
    this.#parts.write(asLines(text))
  }
}

function endingOfError(error: unknown, url: string): Ending {
  if (error instanceof Refused) {
    return failure(`RunnerHub: ${url} refuses the job: ${wordsOf(error)}`, 'The job did not run to its end.')
  }
  if (error instanceof Unreachable) {
    const advice = 'Run the job again when the hub is back; docs/github.md says how to run jobs on the proxy meanwhile.'
    return failure(`RunnerHub: ${url} is unreachable: ${wordsOf(error)}`, advice)
  }
  throw error
}
