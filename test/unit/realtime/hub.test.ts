import { expect } from 'chai'
import type { JobOwner } from '../../../src/domain/job/ownership.ts'
import { asObject } from '../../../src/kube/client/parse.ts'
import { Hub } from '../../../src/realtime/hub.ts'
import type { JobEvent } from '../../../src/realtime/job-events.ts'
import { BadMessage, type Message } from '../../../src/realtime/messages.ts'
import { HandClock } from '../../observe/clock.ts'

/** A client that records its messages. */
function aClient() {
  const received: Message[] = []
  const client = {
    send: (message: Message) => void received.push(message),
    sendAll: (messages: Iterable<Message>) => void received.push(...messages),
  }
  return { client, received }
}

const anEvent = (index: number): JobEvent => ({
  event: 'job:status',
  jobId: `job-${index}`,
  repository: 'owner/repo',
  status: 'running',
  sequence: 3,
  reason: null,
  owner: { is: 'nobody' },
})

/** Of four jobs: a caller's, one of a version that recorded no caller, another caller's, and one without a delegation. */
const owners: JobOwner[] = [
  { is: 'user', user: 'me' },
  { is: 'unrecorded' },
  { is: 'user', user: 'somebody' },
  { is: 'nobody' },
]

describe('snapshots', () => {
  const everything = { all: true, snapshot: true }
  let clock: HandClock
  let hub: Hub
  let jobs: number
  let walks: number

  beforeEach(() => {
    clock = new HandClock()
    walks = 0
    hub = new Hub({
      clock,
      current: () => {
        walks += 1
        return Array.from({ length: jobs }, (_, index) => anEvent(index))
      },
    })
  })

  function join() {
    const { client, received } = aClient()
    hub.join(client, { mayList: true, scope: { is: 'all' } })
    return { received, ask: () => hub.receive(client, 'subscribe:repository', everything) }
  }

  it('are complete for any number of jobs, and limited per client', async () => {
    jobs = 20_000
    const { ask, received } = join()
    ask()
    expect(received).to.have.length(100)
    expect(ask).to.throw(BadMessage, 'too many snapshots')
    expect(walks).to.equal(1)
    join().ask()
    expect(walks, 'with the snapshot of another client').to.equal(2)
    await clock.advance(30_000)
    ask()
    expect(walks).to.equal(3)
  })

  it('have the jobs of the subscriber only, where it may use no others, and cost what they were chosen from', () => {
    const { client, received } = aClient()
    const current = () => owners.map((owner, index) => ({ ...anEvent(index), owner }))
    hub = new Hub({ clock, current })
    hub.join(client, { mayList: true, scope: { is: 'own', user: 'me' } })
    hub.receive(client, 'subscribe:repository', everything)
    const [{ payload } = { payload: undefined }] = received
    expect(received).to.have.length(1)
    expect(JSON.stringify(payload))
      .to.include('"job-0"')
      .and.to.not.match(/job-[23]|owner"|"me"/)
    jobs = 9999
    const walked = () => Array.from({ length: jobs }, (_, index) => anEvent(index))
    hub = new Hub({ clock, current: walked })
    hub.join(client, { mayList: true, scope: { is: 'own', user: 'me' } })
    hub.receive(client, 'subscribe:repository', everything)
    expect(() => hub.receive(client, 'subscribe:repository', everything)).to.throw(BadMessage, 'too many snapshots')
  })

  it('of a few jobs may be requested many times at once', () => {
    jobs = 3
    const { ask } = join()
    for (let count = 0; count < 1000; count += 1) ask()
    expect(walks).to.equal(1000)
  })
})

describe('subscriptions', () => {
  const make = () => {
    const hub = new Hub({ clock: new HandClock(), current: () => [] })
    const { client, received } = aClient()
    hub.join(client, { mayList: true, scope: { is: 'all' } })
    return { hub, received, subscribe: (data: unknown) => hub.receive(client, 'subscribe:repository', data) }
  }

  for (const name of ['*', 'owner/*', '*/repo', 'owner', 'owner/repo/more', '']) {
    it(`match names literally, and reject ${JSON.stringify(name)}`, () => {
      const { hub, subscribe, received } = make()
      expect(() => subscribe(name)).to.throw(BadMessage, 'repository must be owner/repo')
      expect(() => subscribe({ repository: name })).to.throw(BadMessage, 'repository must be owner/repo')
      hub.publish(anEvent(1))
      expect(received).to.deep.equal([])
    })
  }

  it('ignore the case of a repository; payloads keep the original', () => {
    const { hub, subscribe, received } = make()
    expect(subscribe('Owner/REPO')).to.deep.equal({ repository: 'Owner/REPO' })
    subscribe('OWNER/repo')
    hub.publish(anEvent(1))
    hub.publish({ ...anEvent(2), repository: 'owner/Repo' })
    expect(received.map(({ payload }) => payload)).to.deep.equal([
      { jobId: 'job-1', repository: 'owner/repo', status: 'running' },
      { jobId: 'job-2', repository: 'owner/Repo', status: 'running' },
    ])
  })

  it('deliver the events of other callers only where the subscriber may use all jobs', () => {
    const hub = new Hub({ clock: new HandClock(), current: () => [] })
    const received = [{ is: 'all' } as const, { is: 'own', user: 'me' } as const].flatMap((scope) =>
      ['owner/repo', { repository: 'owner/repo' }, { all: true }].map((form) => {
        const { client, received: messages } = aClient()
        hub.join(client, { mayList: true, scope })
        hub.receive(client, 'subscribe:repository', form)
        return messages
      }),
    )
    for (const [index, owner] of owners.entries()) hub.publish({ ...anEvent(index), owner })
    const ids = received.map((messages) => messages.map(({ payload }) => asObject(payload)['jobId']))
    const all = ['job-0', 'job-1', 'job-2', 'job-3']
    const own = ['job-0', 'job-1']
    expect(ids).to.deep.equal([all, all, all, own, own, own])
    expect(JSON.stringify(received.flat()), 'the owners').to.not.match(/owner"|"me"|somebody/)
  })

  it('end by the name in any case', () => {
    const { client, received } = aClient()
    const hub = new Hub({ clock: new HandClock(), current: () => [] })
    hub.join(client, { mayList: true, scope: { is: 'all' } })
    hub.receive(client, 'subscribe:repository', 'owner/repo')
    hub.receive(client, 'unsubscribe:repository', 'Owner/Repo')
    hub.publish(anEvent(1))
    expect(received).to.deep.equal([])
  })

  it('to a repository and to all deliver each event once, in the form of the former', () => {
    const { hub, subscribe, received } = make()
    subscribe({ all: true })
    subscribe('owner/repo')
    hub.publish(anEvent(1))
    hub.publish({ ...anEvent(2), repository: 'owner/other' })
    expect(received.map(({ payload }) => payload)).to.deep.equal([
      { jobId: 'job-1', repository: 'owner/repo', status: 'running' },
      { jobId: 'job-2', repository: 'owner/other', status: 'running', sequence: 3, reason: null },
    ])
  })
})

describe('a new reason of a job', () => {
  it('goes to those who subscribed with an object, since the others wait for states', () => {
    const hub = new Hub({ clock: new HandClock(), current: () => [] })
    const [plain, detailed] = [aClient(), aClient()]
    for (const { client } of [plain, detailed]) hub.join(client, { mayList: true, scope: { is: 'all' } })
    hub.receive(plain.client, 'subscribe:repository', 'owner/repo')
    hub.receive(detailed.client, 'subscribe:repository', { repository: 'owner/repo' })
    hub.publish({ ...anEvent(1), event: 'job:reason', reason: 'ImagePull' })
    expect(plain.received).to.deep.equal([])
    expect(detailed.received).to.have.length(1)
  })
})
