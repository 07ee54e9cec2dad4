import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import { encodeFrame } from '../../../src/api/frame.ts'
import { installRunner } from '../../hand-over/runner.ts'
import { eventually } from '../../observe/eventually.ts'

const agent = new URL('../../../src/agent/agent.sh', import.meta.url).pathname
const jobId = '5c0ffee0-1234-4abc-8def-0123456789ab'
const VERSION = '2.336.0'

interface Outcome {
  code: number | null
  stdout: string
  stderr: string
  lastWord: string
}

/** A pod's file system, as far as the agent sees it, and the agent in it. */
class Pod {
  readonly folder: string
  readonly runner: string
  readonly message: string
  stdout = ''
  #child: ChildProcess | undefined
  #outcome: Promise<Outcome> | undefined

  constructor(folder: string) {
    this.folder = folder
    this.runner = join(folder, 'runner')
    this.message = join(folder, 'message/frame.gz')
  }

  async start(packed: Uint8Array, env: Record<string, string> = {}): Promise<void> {
    await mkdir(join(this.folder, 'message'))
    await writeFile(this.message, packed)
    const child = spawn('bash', [agent], {
      env: {
        PATH: process.env['PATH'],
        NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
        RUNNERHUB_MESSAGE: this.message,
        RUNNERHUB_RUNNER_DIRECTORY: this.runner,
        RUNNERHUB_RUNNER_VERSION: VERSION,
        RUNNERHUB_SERVER_URL: 'https://github.com',
        RUNNERHUB_GRACE_SECONDS: '30',
        RUNNERHUB_TERMINATION_LOG: join(this.folder, 'termination-log'),
        RUNNERHUB_PROXY_RUNNER: 'proxy "1"\\2',
        RUNNERHUB_REPOSITORY: 'owner/repo',
        RUNNERHUB_JOB_ID: jobId,
        ACTIONS_RUNNER_PRINT_LOG_TO_STDOUT: '1',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    this.#outcome = this.#end(child)
  }

  async #end(child: ChildProcess): Promise<Outcome> {
    if (child.stdout === null || child.stderr === null) throw new Error('no pipes')
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (this.stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    await once(child, 'close')
    const lastWord = await readFile(join(this.folder, 'termination-log'), 'utf8').catch(() => '')
    return { code: child.exitCode, stdout: this.stdout, stderr, lastWord }
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name)
  }

  /** Whether the Worker has taken the message: nothing of it is left then. */
  isFed(): boolean {
    return !existsSync(this.message)
  }

  ended(): Promise<Outcome> {
    if (this.#outcome === undefined) throw new Error('the agent was not started')
    return this.#outcome
  }

  async remove(): Promise<void> {
    this.#child?.kill('SIGKILL')
    await rm(this.folder, { recursive: true, force: true })
  }
}

function frameOf(standIn: object, padding = ''): Uint8Array {
  return encodeFrame(1, JSON.stringify({ jobId, standIn, padding }))
}

describe('the agent in the pod', function () {
  this.timeout('30s')
  let pod: Pod

  beforeEach(async () => {
    pod = new Pod(await mkdtemp(join(tmpdir(), 'runnerhub-agent-')))
    await installRunner(pod.runner, VERSION)
  })
  afterEach(() => pod.remove())

  const run = async (frame: Uint8Array, env: Record<string, string> = {}): Promise<Outcome> => {
    await pod.start(gzipSync(frame), env)
    return pod.ended()
  }

  for (const exitCode of [100, 101, 102, 103, 104, 105, 1]) {
    it(`exits with the Worker's exit code ${exitCode}`, async () => {
      expect((await run(frameOf({ exitCode }))).code).to.equal(exitCode)
    })
  }

  it('hands the Worker its frame byte for byte, however long it is, and leaves nothing of it', async () => {
    const frame = frameOf({}, 'ä😀'.repeat(3_000_000))
    const { stdout, stderr } = await run(frame)
    const digest = createHash('sha256').update(frame).digest('hex')
    expect(stdout).to.include(`frame sha256=${digest} bytes=${frame.length}`)
    expect(stderr).to.equal('')
    expect(pod.isFed()).to.equal(true)
  })

  it('gives the Worker its name and its server, and starts it where the Listener would', async () => {
    const { stdout } = await run(frameOf({}))
    const [, settings = ''] = /settings (.*)/.exec(stdout) ?? []
    expect(JSON.parse(settings)).to.deep.equal({
      agentName: 'proxy "1"\\2',
      workFolder: '_work',
      gitHubUrl: 'https://github.com/owner/repo',
    })
    expect(stdout).to.include(`cwd ${pod.runner}/bin\n`)
  })

  it('keeps the runner’s own trace off, which would print the message, and its own settings to itself', async () => {
    const { stdout } = await run(frameOf({}, 'secret-text'))
    const [, env = ''] = /env (.*)/.exec(stdout) ?? []
    expect(env.split(' ')).to.include('RUNNERHUB_REPOSITORY')
    expect(env).to.not.match(/PRINT_LOG|MESSAGE|RUNNER_DIRECTORY|RUNNER_VERSION|SERVER_URL|GRACE|TERMINATION/)
    expect(stdout).to.not.include('secret-text')
  })

  it('copies each line of the job once, in order, to the last, though pages roll over and are deleted', async () => {
    const lines = 20_000
    const asked = { lines, burst: 500, text: 'größer 🚀 '.repeat(5), pageBytes: 200_000, deleteAfterMs: 1000 }
    const { stdout, code } = await run(frameOf(asked))
    expect(code).to.equal(100)
    const numbers = [...stdout.matchAll(/^2026-01-01T00:00:00\.0000000Z line (\d+) (größer 🚀 ){5}$/gm)]
    expect(numbers.map(([, number]) => Number(number))).to.deep.equal(Array.from({ length: lines }, (_, i) => i + 1))
    expect(stdout.endsWith('the last line\n')).to.equal(true)
    expect(stdout.match(/\uFEFF/g), 'byte order marks').to.equal(null)
  })

  it('shows what the job writes while it runs', async () => {
    await pod.start(gzipSync(frameOf({ lines: 200, text: 'x'.repeat(100), runMs: 60_000 })))
    // What does not fill a block is shown at the end.
    await eventually(() => pod.stdout.includes(' line 150 '), { withinMs: 20_000 })
    pod.signal('SIGTERM')
    expect((await pod.ended()).stdout).to.include(' line 200 ')
  })

  it('turns SIGTERM into the frame that cancels, and lets the Worker end', async () => {
    await pod.start(gzipSync(frameOf({ runMs: 60_000 })))
    await eventually(() => pod.isFed(), { withinMs: 20_000 })
    pod.signal('SIGTERM')
    pod.signal('SIGTERM')
    const { code, stdout, stderr } = await pod.ended()
    expect(code).to.equal(103)
    expect(stdout).to.include('the job was cancelled\n').and.include('the last line\n')
    expect(stderr).to.equal('[runnerhub] the job is to be cancelled: its runner has 30 s to end it\n')
  })

  it('loses no SIGTERM that comes early, and sends the frame only when the first one is through', async () => {
    // Its version takes a while, so that the signal comes before the Worker is started.
    const listener = join(pod.runner, 'bin/Runner.Listener')
    await writeFile(listener, `#!/usr/bin/env bash\ntouch '${pod.folder}/asked'\nsleep 1\necho ${VERSION}\n`)
    await chmod(listener, 0o755)
    await pod.start(gzipSync(frameOf({ runMs: 60_000 }, 'x'.repeat(5_000_000))))
    await eventually(() => existsSync(join(pod.folder, 'asked')), { withinMs: 20_000 })
    pod.signal('SIGTERM')
    const { code, stdout } = await pod.ended()
    expect(code).to.equal(103)
    expect(stdout).to.include('the job was cancelled')
  })

  it('reports the result of a Worker that ends otherwise despite a request to cancel', async () => {
    await pod.start(gzipSync(frameOf({ runMs: 2000, onCancel: 'finish', exitCode: 101 })))
    await eventually(() => pod.isFed(), { withinMs: 20_000 })
    pod.signal('SIGTERM')
    expect((await pod.ended()).code).to.equal(101)
  })

  it('kills a Worker that does not end within the grace period, and says so', async () => {
    await pod.start(gzipSync(frameOf({ runMs: 60_000, onCancel: 'ignore' })), { RUNNERHUB_GRACE_SECONDS: '4' })
    await eventually(() => pod.isFed(), { withinMs: 20_000 })
    pod.signal('SIGTERM')
    const { code, stderr, lastWord } = await pod.ended()
    expect(code).to.equal(137)
    const why = "the runner's Worker did not end within the grace period of 4 s and was killed"
    expect(lastWord).to.equal(why)
    expect(stderr).to.include(why)
  })

  it('says when the Worker was killed', async () => {
    const { code, lastWord, stdout } = await run(frameOf({ dieBy: 'SIGKILL' }))
    expect(code).to.equal(137)
    expect(lastWord).to.equal("the runner's Worker was killed by signal 9")
    expect(stdout).to.include('the last line')
  })

  it('fails at once where the runner has another version than the proxy’s, and names both', async () => {
    const { code, stdout, lastWord } = await run(frameOf({}), { RUNNERHUB_RUNNER_VERSION: '2.337.1' })
    expect(code).to.equal(1)
    expect(stdout).to.equal('')
    expect(lastWord).to.equal(
      "RunnerVersionMismatch: the runner in the pod has version 2.336.0, the proxy's has 2.337.1",
    )
  })

  it('takes any version where the proxy says none', async () => {
    expect((await run(frameOf({}), { RUNNERHUB_RUNNER_VERSION: '' })).code).to.equal(100)
  })

  it('says that the message is damaged where it is, and starts no job', async () => {
    await pod.start(gzipSync(frameOf({}, 'x'.repeat(1000))).subarray(0, -20))
    const { stdout, lastWord } = await pod.ended()
    expect(lastWord).to.equal("the job's message is damaged")
    expect(stdout).to.equal('')
  })

  it('says where no runner is installed', async () => {
    await rm(join(pod.runner, 'bin/Runner.Worker'))
    const { code, lastWord } = await run(frameOf({}))
    expect(code).to.equal(1)
    expect(lastWord).to.equal(`there is no runner in ${pod.runner}: bin/Runner.Worker is missing`)
  })

  it('ends with a Worker that ends before it has read its frame', async () => {
    const worker = join(pod.runner, 'bin/Runner.Worker')
    await writeFile(worker, '#!/usr/bin/env bash\nexit 105\n')
    const { code, lastWord } = await run(frameOf({}, 'x'.repeat(1_000_000)))
    expect(code).to.equal(105)
    expect(lastWord).to.equal('')
  })
})
