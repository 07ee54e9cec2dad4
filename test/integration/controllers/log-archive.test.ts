import { randomBytes } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { OUTCOME_FINALIZER } from '../../../src/api/names.ts'
import { type Pod, pods } from '../../../src/api/pod.ts'
import { type RunnerJob, runnerJobs } from '../../../src/api/runner-job.ts'
import { runnerPools } from '../../../src/api/runner-pool.ts'
import { runners } from '../../../src/api/runner.ts'
import { secrets } from '../../../src/api/secret.ts'
import type { KubeObject } from '../../../src/api/object.ts'
import { ConfigMapStore } from '../../../src/archive/config-map-store.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { events } from '../../../src/kube/events/event.ts'
import { leases } from '../../../src/kube/election/lease.ts'
import { type NodeLogs, serveLogs } from '../../kubelet/logs.ts'
import { disrupted, exited, runs } from '../../kubelet/script.ts'
import type { Operator } from '../../processes/operator.ts'
import { call, expectFailure, openAnswer } from '../../site/calls/call.ts'
import { scrape } from '../../site/calls/metrics.ts'
import { quotas } from '../../site/quota.ts'
import { openSite, type Site, TOKEN } from '../../site/site.ts'
import { Canary } from '../../observe/canary.ts'
import { rawListener } from '../realtime/listener.ts'
import { configMaps } from '../../../src/api/config-map.ts'
import { inWords } from '../../observe/audit.ts'
import { GARBAGE_MS } from '../../observe/eventually.ts'

/** The texts of a ConfigMap's packed values. */
function unpackedParts(object: object): string[] {
  const packed = Object.values(asObject(asObject(object)['binaryData']))
  return packed.map((part) => gunzipSync(Buffer.from(String(part), 'base64')).toString())
}

/** How a job ends, once its container has written everything. */
type Ending = (site: Site, job: string) => Promise<unknown>

const apply =
  (...acts: Parameters<Site['kubelet']['apply']>[1][]): Ending =>
  (site, job) =>
    site.kubelet.apply(`${job}-1`, ...acts)

const evicted = disrupted('EvictionByEvictionAPI', 'evicted').steps.at(-1)?.act ?? 'bind'

const endings: Record<string, { end: Ending; reasons: string[]; timeoutSeconds?: number }> = {
  success: { end: apply((pod) => exited(pod, 0)), reasons: ['Succeeded'] },
  failure: { end: apply((pod) => exited(pod, 3)), reasons: ['ExitCode'] },
  oom: { end: apply((pod) => exited(pod, 137, 'OOMKilled')), reasons: ['OOMKilled'] },
  eviction: { end: apply(evicted), reasons: ['Evicted'] },
  cancel: { end: (site, job) => site.cancel(job), reasons: ['CancelRequested'] },
  // A leader that comes later sees only a pod that was deleted after its container had ended.
  deletion: { end: (site, job) => site.delete(pods, `${job}-1`, 1), reasons: ['PodDeleted', 'ExitCode'] },
  timeout: { end: async () => undefined, reasons: ['JobTimeout'], timeoutSeconds: 15 },
}

/** The API server's audit log. */
const auditFile = ({ plane }: Site): string => join(dirname(plane.controlPlane.kubeconfig), 'audit.log')

describe('the archive of logs', function () {
  this.timeout('180s')
  let site: Site
  let operator: Operator
  let logs: NodeLogs

  before(async () => {
    site = await openSite()
    await site.createPool('default', { maxRunners: 200 })
    site.kubelet.onPod(() => runs())
    logs = await serveLogs(site.plane.client)
    operator = await archivist({ LOG_CAPTURE_SECONDS: '10', LOG_REDACT_PATTERNS: 'canary-[0-9]+\ncrow' })
  })
  after(async () => {
    await site.close()
    await logs.close()
  })

  const archivist = (env: Record<string, string> = {}) =>
    site.operator({ env: { LOG_ARCHIVE: 'cluster', LOG_CAPTURE_SECONDS: '60', ...env } })

  const condition = (job: RunnerJob | undefined) => job?.status.conditions?.find(({ type }) => type === 'LogCaptured')

  async function read(job: string, query = ''): Promise<Record<string, unknown>> {
    return asObject((await call(`${operator.url}/api/jobs/${job}/logs${query}`)).body['data'])
  }

  /** The texts of a log's lines, without their timestamps. */
  async function lines(job: string, query = ''): Promise<string[]> {
    const text = String((await read(job, query))['logs'])
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.slice(31))
  }

  async function finishes(job: string, how = 'success'): Promise<void> {
    logs.end(`${job}-1`)
    await endings[how]?.end(site, job)
    await site.until(`the log of ${job} to be stored`, async () => condition(await site.job(job)) !== undefined)
  }

  async function podGoes(job: string): Promise<void> {
    await site.delete(pods, `${job}-1`)
    await site.until(`the pod of ${job} to be gone`, async () => (await site.pod(job)) === undefined)
    await site.until('the facade to know it', async () => (await read(job))['state'] === 'archived')
  }

  it('keeps a log whose pod is gone, without its secrets, for one more write than a job without a log', async () => {
    const audit = site.plane.audit()
    await audit.mark()
    await site.createJob('plain')
    await site.jobIs('plain', { phase: 'Running' })
    const token = `ghp_${'a1B2'.repeat(9)}`
    for (const line of ['one', `token ${token}`, 'a canary-4711 and a crow', 'three']) logs.write('plain-1', line)
    await site.until('the log to be read', () => logs.readers('plain-1') > 0)
    const live = await read('plain')
    await finishes('plain')
    expect(condition(await site.job('plain'))).to.include({ status: 'True', reason: 'Archived' })
    await podGoes('plain')
    const archived = await read('plain')
    expect(archived).to.deep.equal({ logs: live['logs'], state: 'archived' })
    expect(archived['logs']).to.match(/one\n.*token \[redacted\]\n.* a \[redacted\] and a \[redacted\]\n.*three\n$/)
    const everywhere = await Promise.all([site.list(configMaps), site.list(runnerJobs), site.list(events)])
    const stored = everywhere.flat().flatMap((object) => [JSON.stringify(object), ...unpackedParts(object)])
    expect(stored.join('\n')).to.include('a [redacted] and a')
    for (const secret of [token, 'canary-4711', 'crow'])
      expect([...stored, JSON.stringify(operator.log)].join('\n').includes(secret), secret).to.equal(false)
    const { counted, other } = await audit.columns(site.namespace)
    expect(inWords(other.filter(({ resource }) => resource === 'configmaps'))).to.deep.equal([
      `create configmaps log-${(await site.job('plain'))?.status.podUID}-end`,
    ])
    expect(inWords(counted).filter((write) => write.includes('runnerjobs/status'))).to.have.length(2)
  })

  it('keeps a ConfigMap that nobody can change, and that goes with its job', async () => {
    const [stored] = (await site.list(configMaps)).filter(({ metadata }) => metadata.name.startsWith('log-'))
    expect(stored).to.include({ immutable: true })
    const { name, uid } = stored?.metadata.ownerReferences?.[0] ?? {}
    const job = await site.job('plain')
    expect({ name, uid }).to.deep.equal({ name: 'plain', uid: job?.metadata.uid })
    await site.delete(runnerJobs, 'plain')
    await site.until(
      'its log to be gone',
      async () => {
        const left = await site.list(configMaps)
        return left.every(({ metadata }) => metadata.uid !== stored?.metadata.uid)
      },
      GARBAGE_MS,
    )
  })

  it('returns pages, the last lines and a file', async () => {
    await site.createJob('paged')
    await site.jobIs('paged', { phase: 'Running' })
    for (let line = 0; line < 2500; line += 1) logs.write('paged-1', `line ${line}`)
    await site.until('the log to be read', () => logs.readers('paged-1') > 0)
    const numbers = async (query: string) => (await lines('paged', query)).map((line) => Number(line.slice(5)))
    const check = async (): Promise<void> => {
      expect(await numbers('?tail=3')).to.deep.equal([2497, 2498, 2499])
      expect(await numbers('?tail=0')).to.deep.equal([])
      expect(await numbers('?offset=1200&limit=3')).to.deep.equal([1200, 1201, 1202])
      expect(await numbers('?offset=5000')).to.deep.equal([])
      const seen: number[] = []
      for (let next: unknown = 0; typeof next === 'number'; ) {
        seen.push(...(await numbers(`?offset=${next}&limit=700`)))
        next = (await read('paged', `?offset=${next}&limit=700`))['nextOffset']
      }
      expect(seen).to.deep.equal(Array.from({ length: 2500 }, (_, line) => line))
      const file = await call(`${operator.url}/api/jobs/paged/logs?download=true`)
      expect(file.headers.get('content-disposition')).to.equal('attachment; filename="paged.log"')
      expect(file.headers.get('content-type')).to.equal('text/plain; charset=utf-8')
      expect(file.text).to.equal((await read('paged'))['logs'])
    }
    await check()
    const inPart = (query: string, range: string, more: Record<string, string> = {}) =>
      call(`${operator.url}/api/jobs/paged/logs${query}`, {
        headers: { authorization: `Bearer ${TOKEN}`, range, ...more },
      })
    const running = await inPart('?download=true', 'bytes=0-9')
    expect(running).to.include({ status: 200 })
    expect(running.headers.get('accept-ranges')).to.equal('none')
    await finishes('paged')
    await podGoes('paged')
    await check()
    const whole = await call(`${operator.url}/api/jobs/paged/logs?download=true`)
    const size = whole.text.length
    expect(whole.headers.get('accept-ranges')).to.equal('bytes')
    expect(whole.headers.get('content-length')).to.equal(String(size))
    const etag = whole.headers.get('etag') ?? ''
    const head = await call(`${operator.url}/api/jobs/paged/logs?download=true`, {
      method: 'HEAD',
      headers: { authorization: `Bearer ${TOKEN}`, range: 'bytes=0-9' },
    })
    expect(head).to.include({ status: 200 })
    expect(head.headers.get('content-length')).to.equal(String(size))
    for (const query of ['', '?download=true', '?attempt=1'])
      for (const [range, from, to] of [
        ['bytes=0-99', 0, 100],
        [`bytes=${size - 10}-`, size - 10, size],
        ['bytes=-7', size - 7, size],
        [`bytes=5-${size * 2}`, 5, size],
      ] as const) {
        const part = await inPart(query, range, { 'if-range': etag })
        expect(part.status, `${query} ${range}`).to.equal(206)
        expect(part.text === whole.text.slice(from, to), `${query} ${range}`).to.equal(true)
        expect(part.headers.get('content-range')).to.equal(`bytes ${from}-${to - 1}/${size}`)
        expect(part.headers.get('content-length')).to.equal(String(to - from))
        expect(part.headers.get('content-type')).to.equal('text/plain; charset=utf-8')
      }
    for (const range of [`bytes=${size}-`, 'bytes=0-1,5-6', 'bytes=9-2', 'bytes=a-b']) {
      const refused = await inPart('', range)
      expectFailure(refused, 416, 'RangeNotSatisfiable')
      expect(refused.headers.get('content-range')).to.equal(`bytes */${size}`)
    }
    expect((await inPart('?download=true', 'bytes=0-9', { 'if-range': '"another"' })).text).to.equal(whole.text)
    for (const query of ['?tail=2', '?offset=0&limit=3', '?follow=true', '?download=true&tail=2'])
      expect((await inPart(query, 'bytes=0-9')).status, query).to.equal(200)
    expect((await call(`${operator.url}/api/jobs/paged/logs?attempt=1&tail=1`)).status).to.equal(200)
    expectFailure(await call(`${operator.url}/api/jobs/paged/logs?attempt=2`), 404, 'NotFound')
    for (const query of ['offset=-1', 'limit=0', 'attempt=0', 'download=yes'])
      expectFailure(await call(`${operator.url}/api/jobs/paged/logs?${query}`), 400, 'InvalidRequest')
  })

  it('continues a followed log where the pod broke off, without a gap and without a line twice', async () => {
    await site.createJob('switch')
    await site.jobIs('switch', { phase: 'Running' })
    for (let line = 0; line < 50; line += 1) logs.write('switch-1', `line ${line}`)
    const headers = { authorization: `Bearer ${TOKEN}` }
    const response = await openAnswer(`${operator.url}/api/jobs/switch/logs?follow=true`, { headers })
    const text = response.text()
    await site.until('two readers', () => logs.readers('switch-1') === 2)
    // The facade loses its stream, and the node has nothing more for it; the leader has read on.
    logs.loseNext('switch-1')
    for (let line = 50; line < 60; line += 1) logs.write('switch-1', `line ${line}`)
    await finishes('switch', 'deletion')
    const got = (await text).split('\n').filter((line) => line !== '')
    expect(got.map((line) => line.slice(31))).to.deep.equal(Array.from({ length: 60 }, (_, line) => `line ${line}`))
  })

  it('holds a pod no longer than its deadline for a log that its node does not return, and keeps what it has', async () => {
    await site.createJob('lost')
    await site.jobIs('lost', { phase: 'Running' })
    logs.write('lost-1', 'the last word')
    await site.until('the log to be read', () => logs.readers('lost-1') > 0)
    await site.until('the line to be read', async () => (await lines('lost')).length === 1)
    logs.vanish('lost-1')
    await site.kubelet.apply('lost-1', (pod) => exited(pod, 1))
    await site.jobIs('lost', { phase: 'Failed' }, 4000)
    expect((await site.pod('lost'))?.metadata.finalizers, 'it is held').to.include(OUTCOME_FINALIZER)
    await site.until('the pod to be let go', async () => (await site.pod('lost'))?.metadata.finalizers === undefined)
    expect(condition(await site.job('lost'))).to.include({ status: 'False', reason: 'LogsUnavailable' })
    expect((await scrape(operator)).get('github_runnerhub_logs_lost_total')).to.equal(1)
    await podGoes('lost')
    expect((await lines('lost'))[0]).to.equal('the last word')
    expect((await lines('lost'))[1]).to.match(/the log may go on/)
    expect(await read('lost')).to.include({ truncated: true })
  })

  it('reads on while a deleted pod has its grace period', async () => {
    site.kubelet.onPod(() => ({ ...runs(), stop: { afterMs: 1000, code: 0 } }))
    await site.createJob('graced')
    await site.jobIs('graced', { phase: 'Running' })
    logs.write('graced-1', 'before')
    await site.until('the log to be read', () => logs.readers('graced-1') > 0)
    await site.delete(pods, 'graced-1', 30)
    await site.until('the deletion', async () => (await site.pod('graced'))?.metadata.deletionTimestamp !== undefined)
    logs.write('graced-1', 'after')
    logs.end('graced-1')
    await site.until('the log to be stored', async () => condition(await site.job('graced')) !== undefined)
    await site.until('the pod to be gone', async () => (await site.pod('graced')) === undefined)
    expect(await lines('graced')).to.deep.equal(['before', 'after'])
    site.kubelet.onPod(() => runs())
  })

  it('tries to store again while there is no room, and the job ends meanwhile', async () => {
    const spec = { hard: { 'count/configmaps': '0' } }
    await site.create(quotas, { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'no-room' }, spec })
    await site.until('the quota to be in force', async () => (await site.get(quotas, 'no-room'))?.status?.hard)
    await site.createJob('roomless')
    await site.jobIs('roomless', { phase: 'Running' })
    logs.write('roomless-1', 'kept')
    logs.end('roomless-1')
    await site.kubelet.apply('roomless-1', (pod) => exited(pod, 0))
    await site.jobIs('roomless', { phase: 'Completed' }, 5000)
    expect(condition(await site.job('roomless'))).to.equal(undefined)
    expect((await site.pod('roomless'))?.metadata.finalizers, 'it is held').to.include(OUTCOME_FINALIZER)
    await site.delete(quotas, 'no-room')
    await site.until('the log to be stored', async () => condition(await site.job('roomless'))?.status === 'True')
    await podGoes('roomless')
    expect(await lines('roomless')).to.deep.equal(['kept'])
  })

  it('keeps the log of each attempt', async () => {
    await site.createPool('again', {
      labels: ['again'],
      retry: { maxAttempts: 2, reasons: ['ExitCode'], backoffSeconds: 1 },
    })
    await site.createJob('again', { poolName: 'again' })
    for (const attempt of [1, 2]) {
      const pod = `again-${attempt}`
      await site.until(`${pod} to run`, async () => (await site.get(pods, pod))?.status?.phase === 'Running')
      logs.write(pod, `attempt ${attempt}`)
      logs.end(pod)
      await site.kubelet.apply(pod, (now) => exited(now, 3))
    }
    await site.until('the log to be stored', async () => condition(await site.job('again')) !== undefined)
    await site.delete(pods, 'again-2')
    await site.until('the facade to know it', async () => (await read('again'))['state'] === 'archived')
    for (const [query, text] of [
      ['?attempt=1', 'attempt 1'],
      ['?attempt=2', 'attempt 2'],
      ['', 'attempt 2'],
    ] as const)
      expect(await lines('again', query)).to.deep.equal([text])
    const followed = await call(`${operator.url}/api/jobs/again/logs?attempt=1&follow=true`)
    expect(followed.text).to.match(/attempt 1\n$/)
    expectFailure(await call(`${operator.url}/api/jobs/again/logs?attempt=3`), 404, 'NotFound')
  })

  it('has no secret that a job prints or a caller sends by mistake, and neither has anything else', async () => {
    const canary = new Canary()
    const listener = await rawListener(operator.realtimeUrl, { token: TOKEN })
    await listener.send('subscribe:repository', { repository: 'owner/repo', snapshot: true, facts: true })
    const from = (await stat(auditFile(site))).size
    await site.createJob('leaky', { poolName: 'default' })
    await site.jobIs('leaky', { phase: 'Running' })
    for (const line of canary.lines) logs.write('leaky-1', line)
    logs.write('leaky-1', 'the last line')
    await site.until('the log to be read', () => logs.readers('leaky-1') > 0)
    const paths = ['', '/logs', '/logs?tail=5', '/logs?download=true'].map((path) => `/api/jobs/leaky${path}`)
    const shown = [...paths, '/api/jobs', '/api/runners', '/api/pools', '/api/caller', '/api/metrics', '/health']
    const everything = async () => Promise.all(shown.map(async (path) => (await call(operator.url + path)).text))
    const texts = await everything()
    expect(texts[1], 'the log while it runs').to.include('the last line')
    texts.push(...(await mistakes(canary)))
    await finishes('leaky', 'failure')
    await podGoes('leaky')
    texts.push(...(await everything()))
    texts.push((await call(`${operator.url}/api/jobs/leaky/logs?follow=true`)).text)
    expect(await lines('leaky', '?tail=1')).to.deep.equal(['the last line'])
    texts.push(...(await objectTexts()), JSON.stringify(listener.received), JSON.stringify(operator.log))
    texts.push((await readFile(auditFile(site))).subarray(from).toString())
    listener.close()
    expect(canary.isIn(canary.lines.join()), 'what the job printed').to.equal(true)
    expect(texts.filter((text) => canary.isIn(text)).map((text) => text.slice(0, 500))).to.deep.equal([])
    for (const [index, text] of texts.entries()) expect(text, `text ${index}`).to.not.include(`${TOKEN}"`)
  })

  /** The responses to calls with a secret where none belongs. */
  async function mistakes({ text }: Canary): Promise<string[]> {
    const jobs = `${operator.url}/api/jobs`
    const authorization = `Bearer ${TOKEN}`
    const json = { authorization, 'content-type': 'application/json' }
    const facts = { jobId: 'spoken', runId: '1', repository: 'owner/repo', labels: ['nobody'] }
    const sent = [
      call(jobs, { headers: { authorization: `Bearer ${text}` } }),
      call(`${jobs}?token=${text}`),
      call(`${jobs}/${text}?token=${text}`),
      call(`${jobs}/delegate`, { method: 'POST', headers: json, body: { ...facts, password: text, env: { A: text } } }),
      call(`${jobs}/delegate`, { method: 'POST', headers: json, body: { ...facts, repository: `x:${text}@y` } }),
      call(`${jobs}/delegate`, { method: 'POST', headers: json, body: `{"jobId":"${text}` }),
      call(`${jobs}/leaky/status`, { method: 'PATCH', headers: json, body: { status: text } }),
    ]
    return (await Promise.all(sent)).map((answer) => answer.text)
  }

  /** Every object of the namespace, with logs unpacked. */
  async function objectTexts(): Promise<string[]> {
    const texts: string[] = []
    for (const kind of [runnerJobs, runners, runnerPools, pods, events, leases, secrets])
      for (const object of await site.list<KubeObject>(kind)) texts.push(JSON.stringify(object))
    for (const map of await site.list(configMaps)) {
      texts.push(JSON.stringify(map), ...unpackedParts(map))
    }
    return texts
  }

  it('deletes the oldest logs if all of them are too large', async () => {
    const store = new ConfigMapStore({ client: site.client })
    const owner = await site.createJob('owner', { labels: ['nobody'] })
    const { namespace = '', uid: jobUid } = owner.metadata
    const put = (podUid: string, part: Buffer) =>
      store.put({ namespace, jobName: 'owner', jobUid, podUid }, 'end', part, AbortSignal.timeout(10_000))
    // Creation times are whole seconds; of one second the first name counts as oldest.
    for (let index = 0; index < 5; index += 1) await put(`big-${index}`, randomBytes(300_000))
    await operator.terminate()
    operator = await archivist({ LOG_ARCHIVE_CLUSTER_MIB: '1', LOG_CAPTURE_STREAMS: '2' })
    const left = async () =>
      (await site.list(configMaps)).map(({ metadata }) => metadata.name).filter((name) => name.startsWith('log-big'))
    await site.until('the oldest to be gone', async () => (await left()).length === 3)
    expect(await left()).to.have.members([2, 3, 4].map((index) => `log-big-${index}-end`))
  })

  it('reads no more logs of running pods at a time than its limit, and loses none', async () => {
    const jobs = [0, 1, 2, 3].map((index) => `one-of-many-${index}`)
    for (const job of jobs) await site.createJob(job, { poolName: 'default' })
    for (const job of jobs) {
      await site.jobIs(job, { phase: 'Running' })
      logs.write(`${job}-1`, `of ${job}`)
    }
    const followed = () => jobs.filter((job) => logs.readers(`${job}-1`) > 0).length
    await site.until('two logs to be read', () => followed() === 2)
    for (const job of jobs) {
      expect(followed()).to.be.at.most(2)
      await finishes(job)
      await podGoes(job)
      expect(await lines(job)).to.deep.equal([`of ${job}`])
    }
    await operator.terminate()
    operator = await archivist()
  })

  it('has 100 of 100 logs of jobs that ended in seven ways, though the leader is killed five times meanwhile', async () => {
    const ways = Object.keys(endings)
    const jobs = Array.from({ length: 100 }, (_, index) => ({
      name: `all-${index}`,
      how: ways[index % ways.length] ?? '',
    }))
    const linesOf = (index: number) => 20 + index
    const indexOf = (pod: Pod) => jobs.findIndex(({ name }) => pod.metadata.name === `${name}-1`)
    const write = (index: number, from: number, to: number): void => {
      for (let line = from; line < to; line += 1) logs.write(`all-${index}-1`, `line ${line}`)
    }
    site.kubelet.onPod((pod) => {
      // What times out must have written everything by then.
      const isTimeout = jobs[indexOf(pod)]?.how === 'timeout'
      write(indexOf(pod), 0, isTimeout ? linesOf(indexOf(pod)) : 10)
      if (isTimeout) logs.end(pod.metadata.name)
      return runs()
    })
    await Promise.all(
      jobs.map(({ name, how }) => {
        const { timeoutSeconds } = endings[how] ?? {}
        return site.createJob(name, { poolName: 'default', ...(timeoutSeconds !== undefined && { timeoutSeconds }) })
      }),
    )
    const areAll = (isSo: (name: string) => Promise<boolean>) => async () => {
      for (const { name } of jobs) if (!(await isSo(name))) return false
      return true
    }
    const runsNow = areAll(async (name) => (await site.pod(name))?.status?.containerStatuses !== undefined)
    await site.until('all jobs to run', runsNow, 60_000)
    for (const [index, { name, how }] of jobs.entries()) {
      if (index % 20 === 10) {
        operator.kill()
        operator = await archivist()
      }
      if (how !== 'timeout') write(index, 10, linesOf(index))
      logs.end(`${name}-1`)
      await endings[how]?.end(site, name)
    }
    const areStored = areAll(async (name) => condition(await site.job(name)) !== undefined)
    await site.until('all logs to be stored', areStored, 60_000)
    for (const { name } of jobs) await site.delete(pods, `${name}-1`, 0).catch(() => undefined)
    await site.until('all pods to be gone', async () =>
      (await site.list(pods)).every(({ metadata }) => !metadata.name.startsWith('all-')),
    )
    const wrong: string[] = []
    for (const [index, { name, how }] of jobs.entries()) {
      const job = await site.job(name)
      const got = await lines(name)
      const wanted = Array.from({ length: linesOf(index) }, (_, line) => `line ${line}`)
      const isRight = got.join() === wanted.join() && endings[how]?.reasons.includes(job?.status.reason ?? '') === true
      if (!isRight) wrong.push(`${name} (${how}, ${job?.status.reason}): ${got.length} of ${wanted.length} lines`)
    }
    expect(wrong).to.deep.equal([])
    await site.checkInvariants()
  })
})
