import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { encodeFrame, frameTypes } from '../../../src/api/frame.ts'
import { eventually } from '../../observe/eventually.ts'
import { makeCertificate } from '../../faults/proxy/certificate.ts'
import { Listener, type ListenerOptions } from '../../hand-over/listener.ts'
import { messageText } from '../../hand-over/messages.ts'
import { bundle, configureRunner, runProgram } from '../../hand-over/proxy.ts'
import { DELEGATION_ID, ScriptedHub } from './scripted-hub.ts'

const jobId = '5c0ffee0-1234-4abc-8def-0123456789ab'
const TOKEN = 'token-of-the-proxy'
const JOB = `/api/jobs/${DELEGATION_ID}`

describe('runnerhub-worker in place of a Worker', function () {
  this.timeout('30s')
  let folder: string
  let runner: string
  let hub: ScriptedHub
  let env: Record<string, string>
  const listeners: Listener[] = []

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'runnerhub-proxy-'))
    runner = join(folder, 'a runner')
    await configureRunner(runner, { version: '2.336.0' })
    await bundle(join(folder, 'runnerhub-worker.cjs'))
    const installed = await runProgram(join(folder, 'runnerhub-worker.cjs'), ['install', runner])
    expect(installed.code, installed.err).to.equal(0)
    await writeFile(join(folder, 'token'), `${TOKEN}\n`)
  })
  after(() => rm(folder, { recursive: true }))

  const use = async (other: ScriptedHub): Promise<void> => {
    hub = other
    await hub.start()
    env = {
      RUNNERHUB_URL: hub.url,
      RUNNERHUB_REALTIME_URL: hub.eventsUrl,
      RUNNERHUB_TOKEN_FILE: join(folder, 'token'),
      RUNNERHUB_LABELS: 'linux, gpu',
      ACTIONS_RUNNER_PRINT_LOG_TO_STDOUT: '1',
    }
  }
  beforeEach(() => use(new ScriptedHub()))
  afterEach(async () => {
    await Promise.all(listeners.splice(0).map((listener) => listener.close()))
    await hub.stop()
    await rm(join(runner, '_diag'), { recursive: true, force: true })
  })

  const listen = async (more: Record<string, string> = {}, options: ListenerOptions = {}): Promise<Listener> => {
    const listener = await Listener.start(runner, { ...options, env: { ...env, ...more } })
    listeners.push(listener)
    return listener
  }
  const begin = async (more: Record<string, string> = {}, options: ListenerOptions = {}): Promise<Listener> => {
    const listener = await listen(more, options)
    await listener.sendJob(messageText({ jobId }))
    await hub.delegated()
    return listener
  }
  const isCancelled = () => hub.of('POST', `${JOB}/cancel`).length > 0

  describe('hands a job over', () => {
    it('with its facts, in one call, by the token of its file', async () => {
      const listener = await begin()
      const [{ facts } = { facts: {} }] = hub.delegations()
      expect(facts).to.deep.equal({
        jobId,
        runId: '9876543210',
        repository: 'owner/repo',
        runAttempt: 2,
        workflow: 'CI',
        sha: '0123456789abcdef0123456789abcdef01234567',
        ref: 'refs/heads/main',
        eventName: 'push',
        actor: 'octocat',
        job: 'build',
        labels: ['linux', 'gpu'],
        runnerName: 'proxy-1',
        message: { runnerVersion: '2.336.0', serverUrl: 'https://github.com' },
      })
      const [call] = hub.calls
      expect(call).to.include({ authorization: `Bearer ${TOKEN}`, type: 'application/vnd.runnerhub.message' })
      await hub.followed()
      hub.state('completed', { result: 'Succeeded' })
      expect((await listener.ended()).result).to.equal('Succeeded')
    })

    it('by the token that its file has at each call, however often that is replaced', async () => {
      const listener = await begin()
      await hub.followed()
      await writeFile(join(folder, 'token'), 'the-next-token\n')
      try {
        hub.state('completed', { result: 'Succeeded' })
        expect((await listener.ended()).code).to.equal(100)
        expect(hub.of('GET', JOB).map(({ authorization }) => authorization)).to.deep.equal(['Bearer the-next-token'])
      } finally {
        await writeFile(join(folder, 'token'), `${TOKEN}\n`)
      }
    })

    it('to a hub with an IPv6 address', async () => {
      await hub.stop()
      await use(new ScriptedHub({ host: '::1' }))
      const listener = await begin()
      await hub.followed()
      hub.state('completed', { result: 'Succeeded' })
      expect((await listener.ended()).code).to.equal(100)
      expect(env['RUNNERHUB_URL']).to.match(/^http:\/\/\[::1\]:\d+$/)
    })

    for (const [what, atLeast, pieceBytes] of [
      ['20 kB, byte by byte at first', 20_000, 997],
      ['1.2 MB', 1_200_000, 65_536],
      ['20 MB', 20_000_000, 65_536],
    ] as const) {
      it(`byte for byte, of ${what}, taking it at once`, async () => {
        const text = messageText({ jobId, atLeast: atLeast / 2 })
        const listener = await listen({}, { channelMs: 15_000 })
        await listener.sendJob(text, pieceBytes)
        await hub.delegated()
        const [{ frame } = { frame: Buffer.alloc(0) }] = hub.delegations()
        const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
        expect(digest(frame)).to.equal(digest(encodeFrame(frameTypes.newJob, text)))
      })
    }

    it('again where the answer was lost or the hub was busy, and it is the same job', async () => {
      const answers = [{ status: 503 }, { status: 502, body: {} }]
      hub.script.refuse = ({ path }) => (path === '/api/jobs/delegate' ? answers.shift() : undefined)
      const listener = await begin()
      await hub.followed()
      hub.state('completed', { result: 'Succeeded' })
      expect((await listener.ended()).code).to.equal(100)
      const [first, ...others] = hub.delegations().map(({ facts }) => facts)
      expect(others).to.deep.equal([first, first])
    })

    it('once more as the same job where the program is started again for it', async () => {
      const first = await begin()
      await hub.followed()
      first.kill()
      await first.ended()
      const second = await begin()
      await eventually(() => hub.delegations().length === 2)
      await hub.followed()
      hub.state('completed', { result: 'Skipped' })
      expect((await second.ended()).code).to.equal(104)
      const [one, two] = hub.delegations()
      expect(two?.facts).to.deep.equal(one?.facts)
    })

    it('over TLS that its own CA vouches for, and not without it', async () => {
      await hub.stop()
      const certificate = await makeCertificate()
      await use(new ScriptedHub({ tls: certificate }))
      await writeFile(join(folder, 'ca.pem'), certificate.cert)
      const distrustful = await listen({ RUNNERHUB_RETRY_SECONDS: '1' })
      await distrustful.sendJob(messageText({ jobId }))
      expect((await distrustful.ended()).annotation.join()).to.include('self-signed certificate')
      expect(hub.calls).to.have.lengthOf(0)
      const listener = await begin({ RUNNERHUB_CA_FILE: join(folder, 'ca.pem') })
      await hub.followed()
      hub.state('completed', { result: 'Succeeded' })
      expect((await listener.ended()).code).to.equal(100)
    })
  })

  describe('ends as the job did', () => {
    for (const [index, result] of [
      'Succeeded',
      'SucceededWithIssues',
      'Failed',
      'Canceled',
      'Skipped',
      'Abandoned',
    ].entries()) {
      it(`with ${100 + index} for ${result}, and no annotation`, async () => {
        const listener = await begin()
        await hub.followed()
        hub.write('2026-01-01T00:00:00.000000000Z a line')
        hub.state(result === 'Failed' ? 'failed' : 'completed', { result, exitCode: 100 + index })
        const report = await listener.ended()
        expect(report).to.deep.include({ code: 100 + index, result, annotation: [] })
      })
    }

    for (const [reason, status, says] of [
      ['NodeLost', 'failed', 'node'],
      ['ImagePull', 'failed', 'image'],
      ['OOMKilled', 'failed', 'memory'],
      ['Evicted', 'failed', 'evicted'],
      ['RunnerVersionMismatch', 'failed', 'same version'],
      ['CancelRequested', 'cancelled', 'Somebody cancelled the job'],
    ] as const) {
      it(`with 1 for ${reason}, and three plain lines that say so`, async () => {
        const listener = await begin()
        await hub.followed()
        hub.state(status, { reason, message: `the hub's\ntext`, exitCode: null, result: null })
        const report = await listener.ended()
        expect(report.code).to.equal(1)
        expect(report.annotation).to.have.lengthOf(3)
        expect(report.annotation[0]).to.equal(
          `RunnerHub: the job is ${status} without a result of its runner (${reason}): the hub's text`,
        )
        expect(report.annotation[1]).to.include(says)
        expect(report.annotation[2]).to.equal(`The job at the hub: ${hub.url}${JOB}`)
      })
    }
  })

  it('needs three calls for a job whose end comes as an event, however long it takes', async () => {
    const listener = await begin()
    await hub.followed()
    hub.state('assigned')
    hub.state('running')
    hub.state('completed', { result: 'Succeeded' })
    const { stdout } = await listener.ended()
    expect(hub.calls.map(({ method, path }) => `${method} ${path.split('?')[0]}`)).to.deep.equal([
      'POST /api/jobs/delegate',
      `GET ${JOB}/logs`,
      `GET ${JOB}`,
    ])
    expect(stdout.match(/the job is \w+/g)).to.deep.equal([
      'the job is http',
      'the job is queued',
      'the job is assigned',
      'the job is running',
      'the job is completed',
    ])
  })

  it('hears of the end by the end of the log where there are no events', async () => {
    hub.script.hasEvents = false
    const listener = await begin()
    await eventually(() => hub.of('GET', `${JOB}/logs`).length > 0)
    hub.state('completed', { result: 'Succeeded' })
    expect((await listener.ended()).code).to.equal(100)
  })

  it('hears of the end by REST alone, and lets the hub hold the answer back', async () => {
    hub.script.hasEvents = false
    hub.script.canWait = true
    const busy = { status: 429, headers: { 'retry-after': '600' } }
    hub.script.refuse = ({ path }) => (path.includes('/logs') ? busy : undefined)
    env['RUNNERHUB_REALTIME_URL'] = 'ws://127.0.0.1:1'
    hub.script.isLimited = false
    const listener = await begin()
    await eventually(() => hub.of('GET', JOB).length > 0, { withinMs: 25_000 })
    expect(hub.of('GET', JOB)[0]?.path).to.equal(`${JOB}?waitSeconds=45`)
    hub.state('failed', { result: 'Failed' })
    expect((await listener.ended()).code).to.equal(102)
  })

  it('finds a job over that ended while its connection was broken', async () => {
    const listener = await begin()
    await hub.followed()
    await hub.stop()
    hub.state('completed', { result: 'Succeeded' })
    await hub.start()
    expect((await listener.ended()).code).to.equal(100)
  })

  it('ends with 1 where the hub does not know the job any more', async () => {
    const listener = await begin()
    await hub.followed()
    hub.script.refuse = ({ method, path }) =>
      method === 'GET' && path.startsWith(JOB)
        ? { status: 404, body: { success: false, code: 'NotFound', error: 'there is no such job' } }
        : undefined
    hub.state('cancelled')
    const { code, annotation } = await listener.ended()
    expect(code).to.equal(1)
    expect(annotation.join()).to.include('404 NotFound: there is no such job')
  })

  describe('shows the log', () => {
    const line = (second: number, text: string): string => `2026-01-01T00:00:0${second}.000000000Z ${text}`
    const shown = (stdout: string): string[] => stdout.match(/(?<=^\[WORKER runnerhub\] )log.*$/gm) ?? []

    it('with a prefix that keeps it out of annotations, whatever is in it', async () => {
      const listener = await begin()
      await hub.followed()
      hub.write(line(1, 'log größer 🚀'), line(2, 'log begins\rlog goes on'), line(2, ''))
      hub.state('failed', { reason: 'NodeLost', message: 'x' })
      const { stdout, annotation } = await listener.ended()
      expect(shown(stdout)).to.deep.equal(['log größer 🚀', 'log begins', 'log goes on'])
      expect(annotation.join()).to.not.include('log')
      expect(stdout.split('\n').filter((each) => each !== '' && !each.startsWith('[WORKER'))).to.deep.equal([])
    })

    it('each line once where the stream breaks and is opened again', async () => {
      const listener = await begin()
      await hub.followed()
      hub.write(line(1, 'log 1'), line(1, 'log 2'), line(2, 'log 3'))
      await eventually(() => listener.stdout.includes('log 3'))
      hub.breakLog()
      hub.write(line(2, 'log 4'))
      await eventually(() => listener.stdout.includes('log 4'))
      hub.state('completed', { result: 'Succeeded' })
      expect(shown((await listener.ended()).stdout)).to.deep.equal(['log 1', 'log 2', 'log 3', 'log 4'])
    })
  })

  describe('cancels the job at the hub', () => {
    for (const [what, type] of [
      ['GitHub cancels it', frameTypes.cancel],
      ['the runner shuts down', frameTypes.runnerShutdown],
      ['its machine shuts down', frameTypes.osShutdown],
    ] as const) {
      it(`within 3 s where ${what}, and waits for its end`, async () => {
        const listener = await begin()
        await hub.followed()
        await listener.cancel(type)
        await eventually(isCancelled, { withinMs: 3000 })
        hub.state('cancelled', { result: 'Canceled' })
        expect(await listener.ended()).to.include({ code: 103, result: 'Canceled', signal: null })
      })
    }

    it('once, though the hub is busy and SIGTERM comes as well; SIGINT is the Listener’s business', async () => {
      const answers = [{ status: 503 }]
      hub.script.refuse = ({ path }) => (path.endsWith('/cancel') ? answers.shift() : undefined)
      const listener = await begin()
      await hub.followed()
      listener.kill('SIGINT')
      listener.kill('SIGTERM')
      await listener.cancel()
      await eventually(() => listener.stdout.includes('the job is to be cancelled'))
      hub.state('completed', { result: 'Succeeded' })
      expect((await listener.ended()).code).to.equal(100)
      expect(hub.of('POST', `${JOB}/cancel`)).to.have.lengthOf(2)
    })

    it('once it is there, where it comes while the answer to the hand-over is lost', async () => {
      const answers = [{ status: 504, body: {} }]
      hub.script.refuse = ({ path }) => (path === '/api/jobs/delegate' ? answers.shift() : undefined)
      const listener = await begin()
      await listener.cancel()
      await eventually(isCancelled, { withinMs: 3000 })
      hub.state('cancelled', { result: 'Canceled' })
      expect((await listener.ended()).code).to.equal(103)
    })

    it('never, where it was not handed over yet', async () => {
      await hub.stop()
      const listener = await listen()
      await listener.sendJob(messageText({ jobId }))
      await listener.cancel()
      expect(await listener.ended()).to.include({ code: 103, result: 'Canceled' })
      expect(hub.calls).to.have.lengthOf(0)
    })

    it('when its Listener has been gone for a while, and goes on until then', async () => {
      const listener = await begin({ RUNNERHUB_ORPHAN_SECONDS: '1' })
      await hub.followed()
      listener.die()
      hub.write('2026-01-01T00:00:00.000000000Z nobody reads this')
      await eventually(isCancelled)
      hub.state('cancelled', { result: 'Canceled' })
      expect((await listener.ended()).code).to.equal(103)
    })

    it('which ends well without the program, where the Listener kills that first', async () => {
      const listener = await begin({}, { killAfterMs: 500 })
      await hub.followed()
      await listener.cancel()
      const report = await listener.ended()
      expect(report).to.include({ signal: 'SIGKILL', result: 'Canceled' })
      expect(isCancelled()).to.equal(true)
      await eventually(() => hub.connections === 0)
    })
  })

  it('says that the proxy is there while the job runs', async () => {
    const listener = await begin({ RUNNERHUB_HEARTBEAT_SECONDS: '1' })
    await eventually(() => hub.of('POST', '/api/runners/proxy-1/heartbeat').length >= 2)
    hub.state('completed', { result: 'Succeeded' })
    await listener.ended()
  })

  describe('fails the job', () => {
    it('with 1 and plain lines where the hub is unreachable', async () => {
      await hub.stop()
      const listener = await listen({ RUNNERHUB_RETRY_SECONDS: '1' })
      await listener.sendJob(messageText({ jobId }))
      const { code, annotation } = await listener.ended()
      expect(code).to.equal(1)
      expect(annotation).to.have.lengthOf(2)
      expect(annotation[0]).to.match(/^RunnerHub: http:\S+ is unreachable: connect ECONNREFUSED/)
    })

    it('with 1 where the hub is lost while it runs', async () => {
      hub.script.isLimited = false
      const listener = await begin({ RUNNERHUB_LOST_SECONDS: '1' })
      await hub.followed()
      await hub.stop()
      const { code, annotation } = await listener.ended()
      expect(code).to.equal(1)
      expect(annotation.join()).to.include('is unreachable')
    })

    it('at once, with the hub’s text, where the hub refuses it', async () => {
      const body = { success: false, code: 'Forbidden', error: 'create runnerjobs/delegate is missing' }
      hub.script.refuse = () => ({ status: 403, body })
      const listener = await begin()
      const { annotation } = await listener.ended()
      expect(annotation[0]).to.include('refuses the job: 403 Forbidden: create runnerjobs/delegate is missing')
      expect(hub.calls).to.have.lengthOf(1)
    })

    it('naming a setting that is missing, and nothing of the message', async () => {
      const listener = await listen({ RUNNERHUB_TOKEN_FILE: '' })
      await listener.sendJob(messageText({ jobId }))
      expect((await listener.ended()).annotation).to.deep.equal([
        'RunnerHub: RUNNERHUB_TOKEN_FILE is not set: it is the file with the token',
      ])
    })

    it('where its message is damaged, and quotes nothing of it', async () => {
      const listener = await listen()
      await listener.sendJob('{"secret')
      expect((await listener.ended()).annotation).to.deep.equal(["RunnerHub: the runner's message is no JSON object"])
    })
  })

  it('writes nothing of the token and of the message to stdout or stderr', async () => {
    const listener = await begin()
    await hub.followed()
    hub.state('failed', { reason: 'NodeLost', message: 'x' })
    const { stdout, stderr } = await listener.ended()
    for (const text of [stdout, stderr]) expect(text).to.not.match(/token-of-the-proxy|secret/)
  })

  describe('with RUNNERHUB_ON_UNREACHABLE=local', () => {
    const local = { RUNNERHUB_ON_UNREACHABLE: 'local', RUNNERHUB_RETRY_SECONDS: '1' }

    it('runs the job in the runner’s own Worker, with the same frame and without its own settings', async () => {
      await hub.stop()
      const text = messageText({ jobId, standIn: { exitCode: 101, toStdout: true }, atLeast: 300_000 })
      const listener = await listen(local)
      await listener.sendJob(text)
      const { code, stdout, stderr } = await listener.ended()
      expect(stderr).to.equal('')
      expect(code).to.equal(101)
      expect(stdout).to.include('the job runs on the proxy')
      const digest = createHash('sha256').update(encodeFrame(1, text)).digest('hex')
      expect(stdout).to.include(`frame sha256=${digest}`)
      expect(/env (.*)/.exec(stdout)?.[1])
        .to.include('ACTIONS_RUNNER_PRINT_LOG_TO_STDOUT')
        .and.not.include('RUNNERHUB_')
    })

    it('hands that Worker the cancel, too', async () => {
      await hub.stop()
      const listener = await listen(local)
      await listener.sendJob(messageText({ jobId, standIn: { runMs: 60_000, toStdout: true } }))
      await eventually(() => listener.stdout.includes('frame sha256='))
      await listener.cancel()
      expect(await listener.ended()).to.include({ code: 103, signal: null })
    })

    it('lets no Worker live on where the Listener kills the program', async () => {
      await hub.stop()
      const listener = await listen(local)
      await listener.sendJob(messageText({ jobId, standIn: { runMs: 60_000, toStdout: true } }))
      const pid = Number((await eventually(() => /pid (\d+)/.exec(listener.stdout)))[1])
      listener.kill()
      await listener.ended()
      await eventually(() => !isAlive(pid))
    })

    it('runs no job twice: one that the hub may have is not run on the proxy', async () => {
      hub.script.refuse = () => ({ status: 504, body: {} })
      const listener = await begin(local)
      const { code, annotation } = await listener.ended()
      expect(code).to.equal(1)
      expect(annotation[0]).to.include('is unreachable: it answers 504')
    })

    it('is for a hub that is away, not for one that refuses', async () => {
      hub.script.refuse = () => ({ status: 403 })
      const listener = await begin(local)
      expect((await listener.ended()).annotation[0]).to.include('refuses the job')
    })
  })
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
