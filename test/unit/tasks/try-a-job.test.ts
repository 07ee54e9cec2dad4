import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { pino } from 'pino'
import { systemClock } from '../../../src/kube/runtime/clock.ts'
import { tryAJob } from '../../../src/tasks/try-a-job.ts'
import { freePort } from '../../processes/free-port.ts'

type Answer = (response: ServerResponse) => unknown

const json =
  (data: unknown, status = 200): Answer =>
  (response) =>
    response.writeHead(status).end(JSON.stringify({ data }))
const text =
  (words: string): Answer =>
  (response) =>
    response.end(words)
const breaks: Answer = (response) => response.destroy()

const taken = json({ delegationId: 'one' }, 201)
const running = json({ status: 'running', completedAt: null })
const completed = json({ status: 'completed', completedAt: '2026-01-01T00:00:00Z' })

describe('a trial of the API', () => {
  let directory: string
  let tokenFile: string
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'runnerhub-trial-'))
    tokenFile = join(directory, 'token')
    await writeFile(tokenFile, 'a-token\n')
  })
  after(() => rm(directory, { recursive: true }))

  /** An API with a queue of responses per call; returns the calls. */
  async function trial(answers: Record<string, Answer[]>): Promise<string[]> {
    const calls: string[] = []
    const serve = (request: IncomingMessage, response: ServerResponse): void => {
      const call = `${request.method} ${request.url}`
      calls.push(call)
      const answer = answers[call]?.shift() ?? json('no response is left', 500)
      answer(response)
    }
    const server = await listening(createServer(serve))
    try {
      // No test needs a real delay.
      const clock = { sleep: () => systemClock.sleep(1, new AbortController().signal) }
      const options = { clock, log: pino({ enabled: false }), url: server.url, tokenFile, labels: ['self-hosted'] }
      await tryAJob(options, AbortSignal.timeout(5000))
      return calls
    } finally {
      server.close()
    }
  }
  const [delegate, logs, detail] = [
    'POST /api/jobs/delegate',
    'GET /api/jobs/one/logs?follow=true',
    'GET /api/jobs/one',
  ]
  const failure = (answers: Record<string, Answer[]>): Promise<string> =>
    trial(answers).then((calls) => `none, after ${calls.join()}`, String)

  it('delegates a job, reads its log to the end and checks its outcome', async () => {
    const calls = await trial({ [delegate]: [taken], [logs]: [text('a line\n')], [detail]: [completed] })
    expect(calls).to.deep.equal([delegate, logs, detail])
  })

  it('retries after a lost call or while the service is unavailable', async () => {
    const answers = {
      [delegate]: [breaks, json('', 503), taken],
      [logs]: [breaks, text('a line\n')],
      [detail]: [breaks, completed],
    }
    expect(await trial(answers)).to.deep.equal([delegate, delegate, delegate, logs, logs, detail, detail])
  })

  it('waits for a replica whose cache lags behind', async () => {
    const answers = { [delegate]: [taken], [logs]: [text('a line\n')], [detail]: [running, running, completed] }
    expect(await trial(answers)).to.deep.equal([delegate, logs, detail, detail, detail])
  })

  it('fails with the response where a retry would not help', async () => {
    expect(await failure({ [delegate]: [json('why', 403)] }))
      .to.include(`${delegate}: 403`)
      .and.include('why')
  })

  it('fails where the job has failed, and where it has no log', async () => {
    const failed = json({ status: 'failed', completedAt: '2026-01-01T00:00:00Z', metadata: { reason: 'ImagePull' } })
    expect(await failure({ [delegate]: [taken], [logs]: [text('')], [detail]: [failed] })).to.include('ImagePull')
    expect(await failure({ [delegate]: [taken], [logs]: [text('\n')], [detail]: [completed] })).to.include('no log')
  })
})

async function listening(server: Server): Promise<{ url: string; close: () => void }> {
  const port = await freePort()
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const close = (): void => {
    server.closeAllConnections()
    server.close()
  }
  return { url: `http://127.0.0.1:${port}`, close }
}
