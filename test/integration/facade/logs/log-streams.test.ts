import { expect } from 'chai'
import { asObject } from '../../../../src/kube/client/parse.ts'
import { type NodeLogs, serveLogs } from '../../../kubelet/logs.ts'
import { exited, isSetUp, runs, wholeSeconds } from '../../../kubelet/script.ts'
import type { Operator } from '../../../processes/operator.ts'
import { call, expectFailure, openAnswer } from '../../../site/calls/call.ts'
import { openSite, type Site, TOKEN } from '../../../site/site.ts'

describe('the log of a running job', function () {
  this.timeout('60s')
  let site: Site
  let operator: Operator
  let logs: NodeLogs

  before(async () => {
    site = await openSite()
    await site.createPool('default')
    site.kubelet.onPod(() => runs())
    logs = await serveLogs(site.plane.client)
    operator = await site.operator()
  })
  after(async () => {
    await site.close()
    await logs.close()
  })

  /** A running job with a follower of its log. */
  async function followed(name: string, query = '') {
    if ((await site.job(name)) === undefined) await site.createJob(name)
    await site.jobIs(name, { phase: 'Running' })
    const headers = { authorization: `Bearer ${TOKEN}` }
    const response = await openAnswer(`${operator.url}/api/jobs/${name}/logs?follow=true${query}`, { headers })
    let text = ''
    let isOver = false
    const read = async (): Promise<void> => {
      const decoder = new TextDecoder()
      const body: AsyncIterable<Uint8Array> | null = response.body
      for await (const chunk of body ?? []) text += decoder.decode(chunk, { stream: true })
      isOver = true
    }
    const ended = read()
    ended.catch(() => undefined) // a caller that awaits it gets the error
    const lines = (): string[] =>
      text
        .split('\n')
        .slice(0, -1)
        .map((line) => line.slice(31))
    const hears = (last: string) => site.until(`the follower to hear "${last}"`, () => lines().at(-1) === last)
    return { pod: `${name}-1`, lines, hears, ended, isOver: () => isOver }
  }

  async function end(pod: string): Promise<void> {
    logs.end(pod)
    await site.kubelet.apply(pod, (now) => exited(now, 0))
  }

  it('is streamed to a follower line by line, with timestamps, and ends with the container', async () => {
    const { pod, hears, lines, ended } = await followed('plain')
    logs.write(pod, 'one')
    await hears('one')
    logs.write(pod, 'two')
    await end(pod)
    await ended
    expect(lines()).to.deep.equal(['one', 'two'])
    const { body } = await call(`${operator.url}/api/jobs/plain/logs`)
    expect(JSON.stringify(body['data'])).to.match(/^\{"logs":"2026-01-01T00:00:01.000000000Z one\\n2026-.*Z two\\n"\}$/)
  })

  it('loses and repeats no line when the stream breaks, or ends before the container', async () => {
    const { pod, hears, lines, ended, isOver } = await followed('broken')
    logs.write(pod, 'one')
    await hears('one')
    for (const [word, cut] of [
      ['two', 'breakOff'],
      ['three', 'hangUp'],
      ['four', 'breakOff'],
    ] as const) {
      await site.until('the follower to be connected', () => logs.readers(pod) === 1)
      logs[cut](pod)
      logs.write(pod, word)
      await hears(word)
    }
    expect(isOver()).to.equal(false)
    await end(pod)
    await ended
    expect(lines()).to.deep.equal(['one', 'two', 'three', 'four'])
  })

  it('includes lines written while the stream was down, even if the job ended meanwhile', async () => {
    const { pod, hears, lines, ended } = await followed('late')
    logs.write(pod, 'one')
    await hears('one')
    await site.until('the follower to be connected', () => logs.readers(pod) === 1)
    logs.hangUp(pod)
    for (const word of ['two', 'three']) logs.write(pod, word)
    await end(pod)
    await ended
    expect(lines()).to.deep.equal(['one', 'two', 'three'])
  })

  it('is that of a sidecar that keeps ending, as long as the job cannot start because of it', async () => {
    const runner = { name: 'runner', image: 'runner' }
    const initContainers = [{ ...runner, name: 'docker', restartPolicy: 'Always' }]
    await site.createPool('helped', { template: { spec: { containers: [runner], initContainers } } })
    site.kubelet.onPod(() => isSetUp())
    await site.createJob('blocked', { poolName: 'helped' })
    await site.kubeletHas('blocked')
    // What the kubelet writes of a pod that it sets up must not come after what this test writes.
    await site.until('the pod to be set up', async () => (await site.pod('blocked'))?.status?.containerStatuses)
    site.kubelet.onPod(() => runs())
    const common = { image: 'runner', imageID: '', ready: false }
    await site.kubelet.apply('blocked-1', () => ({
      phase: 'Pending',
      initContainerStatuses: [
        {
          ...common,
          name: 'docker',
          restartCount: 2,
          started: false,
          state: { waiting: { reason: 'CrashLoopBackOff' } },
        },
      ],
      containerStatuses: [
        { ...common, name: 'runner', restartCount: 0, state: { waiting: { reason: 'PodInitializing' } } },
      ],
    }))
    await site.jobIs('blocked', { phase: 'Assigned', reason: 'InvalidPod' })
    logs.write('blocked-1', 'no such storage driver')
    const { status, body, text } = await call(`${operator.url}/api/jobs/blocked/logs`)
    expect(status, text).to.equal(200)
    expect(asObject(body['data'])['logs']).to.match(/Z no such storage driver\n$/)
    expect(logs.containers.at(-1)).to.equal('blocked-1/docker')
    await site.cancel('blocked')
  })

  it('is that of the failed init container if the job never ran', async () => {
    const runner = { name: 'runner', image: 'runner' }
    const initContainers = [{ ...runner, name: 'prepare' }]
    await site.createPool('prepared', { template: { spec: { containers: [runner], initContainers } } })
    site.kubelet.onPod(() => isSetUp())
    await site.createJob('unprepared', { poolName: 'prepared' })
    await site.kubeletHas('unprepared')
    // What the kubelet writes of a pod that it sets up must not come after what this test writes.
    await site.until('the pod to be set up', async () => (await site.pod('unprepared'))?.status?.containerStatuses)
    site.kubelet.onPod(() => runs())
    const times = { startedAt: wholeSeconds(), finishedAt: wholeSeconds() }
    const [terminated, waiting] = [{ exitCode: 2, reason: 'Error', ...times }, { reason: 'PodInitializing' }]
    const common = { image: 'runner', imageID: '', ready: false, restartCount: 0 }
    await site.kubelet.apply('unprepared-1', () => ({
      phase: 'Failed',
      initContainerStatuses: [{ ...common, name: 'prepare', state: { terminated } }],
      containerStatuses: [{ ...common, name: 'runner', state: { waiting } }],
    }))
    await site.jobIs('unprepared', { phase: 'Failed', reason: 'ExitCode', exitCode: 2 })
    logs.write('unprepared-1', 'no disk')
    logs.end('unprepared-1')
    const { body } = await call(`${operator.url}/api/jobs/unprepared/logs`)
    expect(asObject(body['data'])['logs']).to.match(/Z no disk\n$/)
    const headers = { authorization: `Bearer ${TOKEN}` }
    const response = await openAnswer(`${operator.url}/api/jobs/unprepared/logs?follow=true`, { headers })
    expect(await response.text()).to.equal(asObject(body['data'])['logs'])
    const asked = logs.containers.filter((container) => container.startsWith('unprepared-1/'))
    expect(new Set(asked)).to.deep.equal(new Set(['unprepared-1/prepare']))
  })

  it('contains no message of a kubelet that has removed the container', async () => {
    const { pod, hears, lines, ended } = await followed('removed')
    logs.write(pod, 'one')
    await hears('one')
    logs.forget(pod)
    await site.kubelet.apply(pod, (now) => exited(now, 0))
    await ended
    expect(lines()).to.deep.equal(['one'])
    const { body } = await call(`${operator.url}/api/jobs/removed/logs`)
    expect(body['data']).to.deep.equal({ logs: '', state: 'unavailable' })
  })

  it('begins with the last lines for a follower with tail, and only the first time', async () => {
    await site.createJob('tailed')
    await site.jobIs('tailed', { phase: 'Running' })
    for (const word of ['one', 'two', 'three']) logs.write('tailed-1', word)
    const { pod, hears, lines, ended } = await followed('tailed', '&tail=2')
    await hears('three')
    logs.breakOff(pod)
    logs.write(pod, 'four')
    await hears('four')
    await end(pod)
    await ended
    expect(lines()).to.deep.equal(['two', 'three', 'four'])
  })

  for (const tail of [0, 2]) {
    it(`loses no line of a follower of the last ${tail} whose stream breaks before any`, async () => {
      const name = `tailed-${tail}`
      const pod = `${name}-1`
      await site.createJob(name)
      await site.jobIs(name, { phase: 'Running' })
      const before = ['a', 'b', 'c']
      for (const word of before) logs.write(pod, word)
      logs.vanish(pod)
      const asked = logs.asked.length
      const { hears, lines, ended } = await followed(name, `&tail=${tail}`)
      // The API server asks once more by itself.
      await site.until('the node to be asked again', () => logs.asked.length > asked + 2)
      const words = ['one', 'two', 'three', 'four']
      for (const word of words) logs.write(pod, word, new Date(Date.now() + 1000))
      logs.appear(pod)
      await hears('four')
      await end(pod)
      await ended
      expect(lines()).to.deep.equal(words)
    })
  }

  it('has the last lines of before for a follower of the tail whose stream breaks before any, and the new ones', async () => {
    await site.createJob('tailed-old')
    await site.jobIs('tailed-old', { phase: 'Running' })
    for (const word of ['a', 'b', 'c']) logs.write('tailed-old-1', word)
    logs.vanish('tailed-old-1')
    const asked = logs.asked.length
    const { pod, hears, lines, ended } = await followed('tailed-old', '&tail=2')
    await site.until('the node to be asked again', () => logs.asked.length > asked + 2)
    logs.appear(pod)
    await hears('c')
    logs.write(pod, 'one')
    await hears('one')
    await end(pod)
    await ended
    expect(lines()).to.deep.equal(['b', 'c', 'one'])
  })

  it('of which the node may have rotated the beginning away says so, in its body and by a header', async () => {
    await site.createJob('rotated')
    const { status } = await site.jobIs('rotated', { phase: 'Running' })
    const startedMs = Date.parse(status.startedAt ?? '')
    // Ten minutes of a log that is written at this pace would have filled a file.
    const text = 'x'.repeat(1000)
    for (let line = 0; line < 400; line += 1) logs.write('rotated-1', text, new Date(startedMs + 600_000 + line * 10))
    const url = `${operator.url}/api/jobs/rotated/logs`
    const whole = await call(url)
    expect(asObject(whole.body['data'])).to.have.property('truncated', true)
    expect(whole.headers.get('x-runnerhub-log-truncated')).to.equal('true')
    expect((await call(`${url}?tail=400`)).body['data'], 'as many as were asked for').to.have.all.keys('logs')
    expect((await call(`${url}?tail=401`)).body['data']).to.have.property('truncated', true)
    await end('rotated-1')
    await site.jobIs('rotated', { phase: 'Completed' })
    await site.until('a follower to be told', async () => {
      const answer = await call(`${url}?follow=true`)
      return answer.headers.get('x-runnerhub-log-truncated') === 'true'
    })
    expect((await call(`${url}?follow=true&tail=3`)).headers.has('x-runnerhub-log-truncated')).to.equal(false)
  })

  it('of a job that was silent at first has no such mark', async () => {
    await site.createJob('silent-first')
    const { status } = await site.jobIs('silent-first', { phase: 'Running' })
    const startedMs = Date.parse(status.startedAt ?? '')
    for (let line = 0; line < 100; line += 1)
      logs.write('silent-first-1', `line ${line}`, new Date(startedMs + 600_000))
    const { body, headers } = await call(`${operator.url}/api/jobs/silent-first/logs`)
    expect(body['data']).to.have.all.keys('logs')
    expect(headers.has('x-runnerhub-log-truncated')).to.equal(false)
  })

  it('of more than 8 MiB is truncated and marked; its tail and a followed log are not', async () => {
    const { pod, hears, lines, ended } = await followed('long')
    const line = (index: number) => `${index} ${'x'.repeat(100_000)}`
    for (let index = 0; index < 100; index += 1) logs.write(pod, line(index))
    const read = async (query = '') => {
      const { status, body, text } = await call(`${operator.url}/api/jobs/long/logs${query}`, { withinMs: 30_000 })
      expect(status, text.slice(0, 200)).to.equal(200)
      return asObject(body['data'])
    }
    const whole = await read()
    expect(whole['truncated']).to.equal(true)
    expect(String(whole['logs'])).to.have.length(8 * 1024 * 1024)
    expect(String(whole['logs']).slice(31, 41)).to.equal(line(0).slice(0, 10))
    const last = await read('?tail=2')
    expect(last).to.have.all.keys('logs')
    const texts = String(last['logs'])
      .split('\n')
      .map((each) => each.slice(31, 41))
    expect(texts).to.deep.equal([line(98), line(99)].map((each) => each.slice(0, 10)).concat(''))
    await hears(line(99))
    expect(lines()).to.have.length(100)
    await end(pod)
    await ended
  })

  describe('of an unresponsive node', () => {
    it('ends with the job for its follower, with the lines so far', async () => {
      const { pod, hears, lines, ended, isOver } = await followed('silent')
      logs.write(pod, 'one')
      await hears('one')
      const asked = logs.asked.length
      logs.vanish(pod)
      await site.until('the node to be asked again', () => logs.asked.length > asked + 1)
      expect(isOver()).to.equal(false)
      await site.kubelet.apply(pod, (now) => exited(now, 0))
      await ended
      expect(lines()).to.deep.equal(['one'])
      expect((await site.pod('silent'))?.metadata.uid, 'the pod is still there').to.be.a('string')
    })

    it('ends at once for a follower of a finished job', async () => {
      await site.createJob('silence')
      await site.jobIs('silence', { phase: 'Running' })
      logs.vanish('silence-1')
      await site.kubelet.apply('silence-1', (now) => exited(now, 0))
      await site.jobIs('silence', { phase: 'Completed' })
      const headers = { authorization: `Bearer ${TOKEN}` }
      const response = await openAnswer(`${operator.url}/api/jobs/silence/logs?follow=true`, { headers })
      expect(await response.text()).to.equal('')
    })

    it('is 503 while the job runs, and unavailable after its end', async () => {
      await site.createJob('lost')
      await site.jobIs('lost', { phase: 'Running' })
      logs.vanish('lost-1')
      const url = `${operator.url}/api/jobs/lost/logs`
      await site.until('the facade to ask the node', async () => (await call(url)).status === 503)
      expectFailure(await call(url), 503, 'ClusterUnavailable')
      await site.kubelet.apply('lost-1', (now) => exited(now, 0))
      await site.until('the log to be unavailable', async () => (await call(url)).status === 200)
      expect((await call(url)).body['data']).to.deep.equal({ logs: '', state: 'unavailable' })
    })
  })

  it('is empty while the kubelet does not know the container yet, and unavailable when it no longer does', async () => {
    await site.createJob('unknown')
    await site.jobIs('unknown', { phase: 'Running' })
    logs.refuse('unknown-1')
    const url = `${operator.url}/api/jobs/unknown/logs`
    const asked = logs.asked.length
    const answered = await site.until('the kubelet to be asked', async () => {
      const answer = await call(url)
      return logs.asked.length > asked ? answer : undefined
    })
    expect(answered.body['data']).to.deep.equal({ logs: '' })
    await site.kubelet.apply('unknown-1', (now) => exited(now, 0))
    await site.until('the log to be unavailable', async () => {
      const { body } = await call(url)
      return asObject(body['data'])['state'] === 'unavailable'
    })
  })

  it('is the original text, wherever its bytes are split', async () => {
    await site.createJob('strange')
    await site.jobIs('strange', { phase: 'Running' })
    const strange = '"\\\t\u0001\u2028€𝄞</script>'
    const lines = Array.from({ length: 200 }, (_, index) => `${index} ${strange.repeat(100)}`)
    for (const line of lines) logs.write('strange-1', line)
    const { body, text } = await call(`${operator.url}/api/jobs/strange/logs`)
    expect(text).to.have.length.above(300_000)
    const shown = String(asObject(body['data'])['logs']).split('\n').slice(0, -1)
    expect(shown.map((line) => line.slice(31))).to.deep.equal(lines)
  })

  it('is not buffered for many callers that do not read it', async () => {
    await site.createJob('large')
    await site.jobIs('large', { phase: 'Running' })
    for (let index = 0; index < 80; index += 1) logs.write('large-1', 'x'.repeat(100_000))
    const url = `${operator.url}/api/jobs/large/logs`
    const stop = new AbortController()
    const headers = { authorization: `Bearer ${TOKEN}` }
    const before = await operator.memoryMiB()
    try {
      // Begun, and never read.
      const begun = Array.from({ length: 12 }, () => openAnswer(url, { headers, signal: stop.signal }))
      for (const { status } of await Promise.all(begun)) expect(status).to.equal(200)
      const { status, body } = await call(url, { withinMs: 30_000 })
      expect(status).to.equal(200)
      expect(String(asObject(body['data'])['logs'])).to.have.length.above(8_000_000)
      expect((await operator.memoryMiB()) - before, 'MiB more than before').to.be.below(150)
    } finally {
      stop.abort()
    }
  })
})
