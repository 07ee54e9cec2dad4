import { expect } from 'chai'
import { runnerJobs } from '../../../src/api/runner-job.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { runs, succeeds, succeedsAtOnce } from '../../kubelet/script.ts'
import { RestClient } from '../../observe/rest-client.ts'
import { openSite, type Site, TOKEN } from '../../site/site.ts'
import { Crowd } from '../../limits/crowd.ts'
import { type Listener, rawListener, socketIoListener } from './listener.ts'

describe('realtime events', function () {
  this.timeout('60s')
  let site: Site
  let rest: RestClient
  let url: string
  let restUrl: string
  let listeners: Listener[] = []
  let count = 0

  before(async () => {
    site = await openSite()
    await site.createPool('default', { labels: ['linux'] })
    const operator = await site.operator()
    restUrl = operator.url
    rest = new RestClient(restUrl)
    url = operator.realtimeUrl
    site.kubelet.onPod(() => succeeds({ runMs: 200 }))
  })
  afterEach(() => {
    for (const listener of listeners) listener.close()
    listeners = []
  })
  after(() => site.close())

  async function everyKind(): Promise<Listener[]> {
    listeners = await Promise.all([
      rawListener(url, { token: TOKEN }),
      rawListener(url, { protocols: [`runnerhub.bearer.${TOKEN}`] }),
      socketIoListener(url, { token: TOKEN, transport: 'websocket' }),
      socketIoListener(url, { token: TOKEN, transport: 'polling' }),
      socketIoListener(url, { header: `Bearer ${TOKEN}`, transport: 'websocket' }),
      socketIoListener(url, { header: `Bearer ${TOKEN}`, transport: 'polling' }),
    ])
    return listeners
  }

  const delegate = (repository: string) =>
    rest.delegate({ jobId: String(++count), runId: '1', repository, labels: ['linux'] })

  const eventsOf = (listener: Listener, id: string) => listener.received.filter(({ data }) => data['jobId'] === id)

  async function whenFinished(listener: Listener, id: string): Promise<void> {
    const isOver = () =>
      eventsOf(listener, id).some(({ data }) => ['completed', 'failed'].includes(String(data['status'])))
    await site.until(`${listener.name} to receive the end of ${id}`, isOver)
  }

  it('reach each of 300 idle connections, and callers are served meanwhile', async () => {
    const repository = 'owner/crowd'
    const crowd = await Crowd.open(url, { count: 300, token: TOKEN, repository })
    try {
      expect((await rest.get('/api/jobs')).status).to.equal(200)
      await crowd.hearsEnd(await delegate(repository), 30_000)
      expect(crowd.closed).to.equal(0)
    } finally {
      crowd.close()
    }
  })

  it('report each state of a job once, in order, with exactly the documented fields, over every protocol', async () => {
    const repository = 'owner/events'
    await Promise.all((await everyKind()).map((listener) => listener.send('subscribe:repository', repository)))
    const id = await delegate(repository)
    for (const listener of listeners) {
      await whenFinished(listener, id)
      expect(eventsOf(listener, id), listener.name).to.deep.equal([
        { event: 'job:delegated', data: { jobId: id, repository, status: 'queued' } },
        { event: 'job:status', data: { jobId: id, repository, status: 'assigned' } },
        { event: 'job:status', data: { jobId: id, repository, status: 'running' } },
        { event: 'job:status', data: { jobId: id, repository, status: 'completed' } },
      ])
    }
  })

  it('are on the port of the REST API as well, below /events and nowhere else', async () => {
    const atRest = restUrl.replace(/^http/, 'ws')
    listeners = [await rawListener(`${atRest}/events`, { protocols: ['runnerhub', `runnerhub.bearer.${TOKEN}`] })]
    const [listener] = listeners
    if (listener === undefined) throw new Error('no listener')
    await listener.send('subscribe:repository', 'owner/page')
    const id = await delegate('owner/page')
    await whenFinished(listener, id)
    const states = eventsOf(listener, id).map(({ data }) => data['status'])
    expect(states).to.deep.equal(['queued', 'assigned', 'running', 'completed'])
    for (const path of ['/', '/events/', '/api/jobs']) {
      await rawListener(`${atRest}${path}`, { token: TOKEN }).then(
        () => expect.fail(`${path} is upgraded`),
        (error: unknown) => expect(String(error), path).to.match(/unexpected server response/i),
      )
    }
  })

  it('report nothing for a repeated delegation', async () => {
    const repository = 'owner/again'
    const [listener] = await everyKind()
    if (listener === undefined) throw new Error('no listener')
    await listener.send('subscribe:repository', repository)
    const body = { jobId: 'again', runId: '1', repository, labels: ['linux'] }
    const id = await rest.delegate(body)
    expect(await rest.delegate(body)).to.equal(id)
    await whenFinished(listener, id)
    expect(await rest.delegate(body), 'within the window').to.equal(id)
    const next = await delegate(repository)
    await whenFinished(listener, next)
    const delegated = listener.received.filter(({ event }) => event === 'job:delegated')
    expect(delegated.map(({ data }) => data['jobId'])).to.deep.equal([id, next])
    expect(eventsOf(listener, id)).to.have.length(4)
  })

  it('end with cancelled if a job is deleted while it runs', async () => {
    site.kubelet.onPod(() => runs())
    const [listener] = await everyKind()
    if (listener === undefined) throw new Error('no listener')
    await listener.send('subscribe:repository', 'owner/deleted')
    const id = await delegate('owner/deleted')
    await site.until('the job to run', () => eventsOf(listener, id).length === 3)
    await site.delete(runnerJobs, id)
    await site.until('its last event', () => eventsOf(listener, id).length === 4)
    expect(eventsOf(listener, id).at(-1)?.data['status']).to.equal('cancelled')
    expect((await rest.get(`/api/jobs/${id}`)).status).to.equal(404)
    site.kubelet.onPod(() => succeeds({ runMs: 200 }))
  })

  it('include the states between, if a pod ended before it was seen running', async () => {
    site.kubelet.onPod(() => succeedsAtOnce())
    const [listener] = await everyKind()
    if (listener === undefined) throw new Error('no listener')
    await listener.send('subscribe:repository', 'owner/quick')
    const id = await delegate('owner/quick')
    await whenFinished(listener, id)
    const states = eventsOf(listener, id).map(({ data }) => data['status'])
    expect(states).to.deep.equal(['queued', 'assigned', 'running', 'completed'])
    site.kubelet.onPod(() => succeeds({ runMs: 200 }))
  })

  it('go to the subscribers of exactly that repository, until they unsubscribe', async () => {
    const [first, second, third] = await everyKind()
    if (first === undefined || second === undefined || third === undefined) throw new Error('no listeners')
    await first.send('subscribe:repository', 'owner/one')
    await first.send('subscribe:repository', 'owner/one')
    await second.send('subscribe:repository', 'owner/on')
    await third.send('subscribe:repository', 'owner/one')
    await third.send('unsubscribe:repository', 'owner/one')
    await third.send('subscribe:repository', { all: true })
    await third.send('unsubscribe:repository', { all: true })
    const id = await delegate('owner/one')
    await whenFinished(first, id)
    expect(eventsOf(first, id)).to.have.length(4)
    expect(eventsOf(second, id)).to.deep.equal([])
    expect(eventsOf(third, id)).to.deep.equal([])
  })

  it('begin with a snapshot if requested, and continue with sequence and reason', async () => {
    const repository = 'owner/shot'
    const [first] = await everyKind()
    if (first === undefined) throw new Error('no listener')
    const before = await delegate(repository)
    await site.until('the operator to see the end', async () => {
      const { data } = await rest.get(`/api/jobs/${before}`)
      return asObject(data)['status'] === 'completed'
    })
    await first.send('subscribe:repository', { repository, snapshot: true })
    expect(first.received).to.deep.equal([
      {
        event: 'job:snapshot',
        data: {
          repository,
          jobs: [{ jobId: before, repository, status: 'completed', sequence: 4, reason: 'Succeeded' }],
          last: true,
        },
      },
    ])
    const id = await delegate(repository)
    await whenFinished(first, id)
    expect(eventsOf(first, id).map(({ data }) => data['sequence'])).to.deep.equal([1, 2, 3, 4])
    expect(eventsOf(first, id).map(({ data }) => data['queuePosition'])).to.deep.equal([
      1,
      undefined,
      undefined,
      undefined,
    ])
    expect(eventsOf(first, id).at(-1)?.data['reason']).to.equal('Succeeded')
  })

  it('are refused to callers without a known token', async () => {
    for (const token of [undefined, 'garbage'] as const) {
      const given = token === undefined ? {} : { token }
      const attempts = await Promise.allSettled([
        rawListener(url, given),
        socketIoListener(url, { ...given, transport: 'websocket' }),
        socketIoListener(url, { ...given, transport: 'polling' }),
      ])
      expect(attempts.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected', 'rejected'])
    }
  })

  it('survive bad input: data of other forms, job events of clients and huge frames', async () => {
    const [first, second, third] = await everyKind()
    if (first === undefined || second === undefined || third === undefined) throw new Error('no listeners')
    await first.send('subscribe:repository', 'owner/brave')
    for (const data of ['no-slash', 7, null, [], { repository: 5 }, { all: 'yes' }, '../..']) {
      await second.send('subscribe:repository', data)
    }
    await second.send('job:status', { jobId: 'x', repository: 'owner/brave', status: 'completed' })
    await third.send('job:status', { jobId: 'x', repository: 'owner/brave', status: 'completed' })
    const errors = second.received.filter(({ event }) => event === 'error')
    expect(errors).to.have.length(8)
    const huge = await rawListener(url, { token: TOKEN })
    huge.send('subscribe:repository', 'x'.repeat(1024 * 1024)).catch(() => undefined)
    expect(await huge.closed).to.equal(1009)
    const id = await delegate('owner/brave')
    await whenFinished(first, id)
    expect(first.received.filter(({ data }) => data['jobId'] === 'x')).to.deep.equal([])
  })

  it('end with 1001 when the server stops', async () => {
    const other = await site.operator({ identity: 'operator-2' })
    const listener = await rawListener(other.realtimeUrl, { token: TOKEN })
    const took = await other.terminate()
    expect(await listener.closed).to.equal(1001)
    expect(took).to.be.lessThan(10_000)
  })
})
