import { expect } from 'chai'
import { Hub } from '../../../src/realtime/hub.ts'
import type { Step } from '../../../src/realtime/job-story.ts'
import type { Message } from '../../../src/realtime/message.ts'
import { BadMessage } from '../../../src/realtime/subscription.ts'
import { HandClock } from '../../clock.ts'

const aStep = (index: number): Step => ({
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
      present: () => {
        walks += 1
        return Array.from({ length: jobs }, (_, index) => aStep(index))
      },
    })
  })

  function join() {
    const received: Message[] = []
    const client = {
      send: (message: Message) => void received.push(message),
      sendAll: (messages: Iterable<Message>) => void received.push(...messages),
    }
    hub.join(client, { mayList: true })
    return { received, ask: () => hub.receive(client, 'subscribe:repository', everything) }
  }

  it('are whole, however many jobs there are, and not given to one client again and again', async () => {
    jobs = 20_000
    const { ask, received } = join()
    ask()
    expect(received).to.have.length(100)
    expect(ask).to.throw(BadMessage, 'too many snapshots')
    expect(walks).to.equal(1)
    join().ask()
    expect(walks, 'with that of another client').to.equal(2)
    await clock.advance(30_000)
    ask()
    expect(walks).to.equal(3)
  })

  it('of a few jobs may be asked for many at a time', () => {
    jobs = 3
    const { ask } = join()
    for (let count = 0; count < 1000; count += 1) ask()
    expect(walks).to.equal(1000)
  })
})
