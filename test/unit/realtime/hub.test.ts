import { expect } from 'chai'
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
})

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
    hub.join(client, { mayList: true })
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
    hub.join(client, { mayList: true })
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

  it('end by the name in any case', () => {
    const { client, received } = aClient()
    const hub = new Hub({ clock: new HandClock(), current: () => [] })
    hub.join(client, { mayList: true })
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
