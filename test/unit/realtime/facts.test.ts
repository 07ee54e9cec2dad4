import { expect } from 'chai'
import type { JobOwner, JobScope } from '../../../src/domain/job/ownership.ts'
import { Hub, type Subscriber } from '../../../src/realtime/hub.ts'
import type { JobEvent } from '../../../src/realtime/job-events.ts'
import { jobFacts } from '../../../src/realtime/job-facts.ts'
import type { Message } from '../../../src/realtime/messages.ts'
import { aJob, aRunner, at, stamp } from '../../objects/builders.ts'
import { FilledCaches } from '../../objects/stores.ts'
import { HandClock } from '../../observe/clock.ts'

const owner: JobOwner = { is: 'user', user: 'me' }
const event: JobEvent = {
  event: 'job:status',
  jobId: 'job-1',
  repository: 'owner/repo',
  status: 'running',
  sequence: 3,
  reason: 'Running',
  owner,
}
const facts = jobFacts(new FilledCaches().caches, aJob({ spec: { workflow: 'CI' } }))
const { event: _event, owner: _owner, ...fields } = event

describe('a subscription with facts', () => {
  let hub: Hub

  beforeEach(() => {
    hub = new Hub({ clock: new HandClock(), current: (_, withFacts) => [withFacts ? { ...event, ...facts } : event] })
  })

  function subscriber(data: object, scope: JobScope = { is: 'all' }): Message[] {
    const received: Message[] = []
    const client: Subscriber = {
      send: (message) => received.push(message),
      sendAll: (messages) => received.push(...messages),
    }
    hub.join(client, { mayList: true, scope })
    hub.receive(client, 'subscribe:repository', data)
    return received
  }

  const payloads = (messages: readonly Message[]) => messages.map(({ event: name, payload }) => [name, payload])

  it('gets them in the snapshot, in events and in deletions, which others do not get; the other forms stay as they are', () => {
    const having = subscriber({ all: true, snapshot: true, facts: true })
    const without = subscriber({ all: true, snapshot: true })
    hub.publish(event, () => facts)
    hub.publishDeletion({ ...event, event: 'job:deleted' }, () => facts)
    expect(payloads(having)).to.deep.equal([
      ['job:snapshot', { repository: '*', jobs: [{ ...fields, ...facts }], last: true }],
      ['job:status', { ...fields, ...facts }],
      ['job:deleted', { ...fields, ...facts }],
    ])
    expect(payloads(without)).to.deep.equal([
      ['job:snapshot', { repository: '*', jobs: [fields], last: true }],
      ['job:status', fields],
    ])
  })

  it('gets nothing of the jobs of other callers', () => {
    const received = subscriber({ all: true, facts: true }, { is: 'own', user: 'somebody else' })
    hub.publish(event, () => facts)
    hub.publishDeletion({ ...event, event: 'job:deleted' }, () => facts)
    expect(received).to.deep.equal([])
  })

  it('must be true or false', () => {
    expect(() => subscriber({ all: true, facts: 'yes' })).to.throw('facts must be true or false')
  })
})

describe('the facts of a job', () => {
  it('have its pool and its times from the Runner before the status has them, never before the delegation', () => {
    const stores = new FilledCaches()
    const job = stores.putJob(aJob({ spec: { delegatedAt: at(0.5).toISOString() } }))
    expect(jobFacts(stores.caches, job)).to.include({
      pool: null,
      assignedAt: null,
      delegatedAt: at(0.5).toISOString(),
    })
    stores.putRunner(aRunner({ job, metadata: { creationTimestamp: stamp(0) } }))
    expect(jobFacts(stores.caches, job)).to.include({ pool: 'pool', assignedAt: at(0.5).toISOString() })
  })
})
