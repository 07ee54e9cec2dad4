import { randomUUID } from 'node:crypto'
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { Listener } from '../../hand-over/listener.ts'
import { messageText } from '../../hand-over/messages.ts'
import { bundle, configureRunner, runProgram } from '../../hand-over/proxy.ts'
import { type NodeLogs, serveLogs } from '../../kubelet/logs.ts'
import { exited, exits, expired, ignored, runs } from '../../kubelet/script.ts'
import type { Operator } from '../../processes/operator.ts'
import { openSite, type Site } from '../../site/site.ts'
import { call } from '../../site/calls/call.ts'
import { type Listener as EventListener, rawListener } from '../realtime/listener.ts'

const TOKEN = 'token-of-the-proxies'
const LIMIT = 100

describe('a job of a GitHub runner', function () {
  this.timeout('60s')
  let site: Site
  let operator: Operator
  let logs: NodeLogs
  let folder: string
  let runner: string
  const listeners: Listener[] = []

  before(async () => {
    site = await openSite()
    await appendFile(site.tokenFile, `\n${TOKEN},proxy,proxy,"runnerhub:proxies"\n`)
    site.kubelet.onPod(() => ignored())
    logs = await serveLogs(site.plane.client)
    const template = { spec: { containers: [{ name: 'runner', image: 'actions-runner' }] } }
    await site.createPool('workers', { mode: 'Worker', labels: ['linux'], maxRunners: 30, template })
    operator = await site.operator({ env: { RATE_LIMIT_MAX: String(LIMIT) } })
    folder = await mkdtemp(join(tmpdir(), 'runnerhub-proxy-'))
    runner = join(folder, 'runner')
    await configureRunner(runner, { version: '2.336.0' })
    await bundle(join(folder, 'runnerhub-worker.cjs'))
    const { code, err } = await runProgram(join(folder, 'runnerhub-worker.cjs'), ['install', runner])
    expect(code, err).to.equal(0)
    await writeFile(join(folder, 'token'), TOKEN)
  })
  after(async () => {
    await Promise.all(listeners.map((listener) => listener.close()))
    await site.close()
    await logs.close()
    await rm(folder, { recursive: true })
  })

  const begin = async (jobId: string): Promise<Listener> => {
    const env = {
      RUNNERHUB_URL: operator.url,
      RUNNERHUB_REALTIME_URL: operator.realtimeUrl,
      RUNNERHUB_TOKEN_FILE: join(folder, 'token'),
      RUNNERHUB_LABELS: 'linux',
    }
    const listener = await Listener.start(runner, { env })
    listeners.push(listener)
    await listener.sendJob(messageText({ jobId }))
    return listener
  }
  const nameOf = (jobId: string): Promise<string> =>
    site.until(`job ${jobId}`, async () => {
      const all = await site.list(runnerJobs)
      return all.find(({ spec }) => spec.jobId === jobId)?.metadata.name
    })
  const subscribed = async (data: unknown): Promise<EventListener> => {
    const events = await rawListener(operator.realtimeUrl, { token: TOKEN })
    await events.send('subscribe:repository', data)
    return events
  }
  /** Calls that an address has left, but for the one that asks. */
  const left = async (): Promise<number> =>
    Number((await call(`${operator.url}/api/jobs/none`)).headers.get('x-ratelimit-remaining')) + 1

  it('is handed over by its proxy, runs in a pod, and its log and result come back', async () => {
    const before = await left()
    const jobId = randomUUID()
    const listener = await begin(jobId)
    const pod = `${await nameOf(jobId)}-1`
    await site.kubelet.apply(pod, ...runs().steps.map(({ act }) => act))
    logs.write(pod, '2026-01-01T00:00:00.0000000Z two steps were done')
    await site.until('the log at the proxy', () => listener.stdout.includes('Z two steps were done\n'))
    logs.end(pod)
    await site.kubelet.apply(pod, (now) => exited(now, 102))
    const report = await listener.ended()
    expect(report).to.deep.include({ code: 102, result: 'Failed', annotation: [] })
    expect(before - 1 - (await left()), 'calls').to.equal(3)
  })

  it('has the word of its runner in the object form of the events, and in no other', async () => {
    const [detailed, plain] = await Promise.all([subscribed({ repository: 'owner/repo' }), subscribed('owner/repo')])
    const jobId = randomUUID()
    const listener = await begin(jobId)
    const name = await nameOf(jobId)
    await site.kubelet.apply(`${name}-1`, ...runs().steps.map(({ act }) => act))
    logs.end(`${name}-1`)
    await site.kubelet.apply(`${name}-1`, (now) => exited(now, 101))
    expect((await listener.ended()).result).to.equal('SucceededWithIssues')
    const last = ({ received }: EventListener) =>
      received.find(({ data }) => data['jobId'] === name && data['status'] === 'completed')
    const end = { jobId: name, repository: 'owner/repo', status: 'completed' }
    for (const [events, more] of [
      [detailed, { sequence: 4, reason: 'Succeeded', result: 'SucceededWithIssues' }],
      [plain, {}],
    ] as const) {
      const event = await site.until('the last event', () => last(events))
      expect(event.data).to.deep.equal({ ...end, ...more })
      events.close()
    }
  })

  it('that GitHub cancels has its grace period in the pod, and ends as its runner says', async () => {
    // The test says how it ends.
    site.kubelet.onPod(() => ({ ...ignored(), stop: 'never' }))
    const jobId = randomUUID()
    const listener = await begin(jobId)
    const name = await nameOf(jobId)
    await site.kubelet.apply(`${name}-1`, ...runs().steps.map(({ act }) => act))
    await site.jobIs(name, { phase: 'Running', reason: 'Running' })
    const askedAt = performance.now()
    await listener.cancel()
    await site.jobIs(name, { phase: 'Running', reason: 'CancelRequested' })
    await site.until('its pod to be stopped', async () => (await site.pod(name))?.spec.activeDeadlineSeconds === 1)
    expect(performance.now() - askedAt, 'milliseconds').to.be.below(3000)
    logs.end(`${name}-1`)
    await site.kubelet.apply(`${name}-1`, (pod) => expired(pod, 103))
    expect(await listener.ended()).to.deep.include({ code: 103, result: 'Canceled', annotation: [] })
    await site.jobIs(name, { phase: 'Cancelled', reason: 'CancelRequested', result: 'Canceled', exitCode: 103 })
    site.kubelet.onPod(() => ignored())
  })

  it('fails at GitHub with two or three lines where its pod is evicted', async () => {
    const jobId = randomUUID()
    const listener = await begin(jobId)
    const pod = `${await nameOf(jobId)}-1`
    await site.kubelet.apply(pod, 'bind', () => ({ phase: 'Failed', reason: 'Evicted', message: 'low on memory' }))
    const { code, annotation } = await listener.ended()
    expect(code).to.equal(1)
    expect(annotation[0]).to.include('(Evicted): ').and.include('low on memory')
    expect(annotation).to.have.lengthOf(3)
  })

  it('is one of 20 from as many proxies behind one address, well inside the default rate limit', async () => {
    site.kubelet.onPod((pod) => {
      logs.end(pod.metadata.name)
      return exits(100, { runMs: 1000 })
    })
    const before = await left()
    const running = await Promise.all(Array.from({ length: 20 }, () => begin(randomUUID())))
    const reports = await Promise.all(running.map((listener) => listener.ended()))
    expect(reports.map(({ code, stderr }) => ({ code, stderr }))).to.deep.equal(
      reports.map(() => ({ code: 100, stderr: '' })),
    )
    expect(before - 1 - (await left()), 'calls').to.be.within(60, 70)
  })
})
