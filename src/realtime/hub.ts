import { repositoryKey } from '../api/names.ts'
import { isInScope, type JobScope } from '../domain/job/ownership.ts'
import type { Clock } from '../kube/runtime/clock.ts'
import { type RealtimeMetrics, uncounted } from './counters.ts'
import type { JobDeletion, JobEvent } from './job-events.ts'
import type { JobFacts } from './job-facts.ts'
import {
  BadMessage,
  detailedMessage,
  detailsOf,
  factualMessage,
  type Message,
  messageOf,
  parseSubscription,
  parseUnsubscription,
  plainMessage,
  type Subscription,
} from './messages.ts'

/** A connected client of any transport. Sending never waits: a client that does not read is cut off. */
export interface Subscriber {
  send(message: Message): void
  /** Sends many messages as fast as the client reads them; later messages follow them. */
  sendAll(messages: Iterable<Message>): void
}

/** Permissions of a client. */
export interface SubscriberRights {
  /** Subscribe to all repositories at once. */
  mayList: boolean
  /** The jobs whose events it receives. */
  scope: JobScope
}

/** Maximum repositories per client. */
const MAX_SUBSCRIPTIONS = 1000

/** Jobs per snapshot frame. */
const SNAPSHOT_FRAME = 200

/** Token bucket for jobs in snapshots to one client: burst, and refill per millisecond. One snapshot may exceed it. */
const SNAPSHOT_BURST = 10_000
const SNAPSHOT_RATE = 1

/** The subscriptions of one client, and the cost of its snapshots that time has not refilled yet. */
interface Account extends SubscriberRights {
  repositories: Set<string>
  debt: number
  countedAtMs: number
}

/** A subscription of a client, and the jobs whose events it receives. */
type Listening = Subscription & Pick<SubscriberRights, 'scope'>

export interface HubOptions {
  metrics?: RealtimeMetrics | undefined
  clock: Pick<Clock, 'monotonicMs'>
  /** The current state of all jobs of a repository, or of all repositories ('*'); with their facts, if wanted. */
  current: (repository: string, withFacts: boolean) => (JobEvent & Partial<JobFacts>)[]
}

/**
 * The subscribers of each repository; case in names is ignored. An event goes to each subscriber of its repository once.
 */
export class Hub {
  /** Metrics for the transports. */
  readonly metrics: RealtimeMetrics
  readonly #current: HubOptions['current']
  readonly #listeners = new Map<string, Map<Subscriber, Listening>>()
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #accounts = new Map<Subscriber, Account>()

  constructor({ current, clock, metrics = uncounted }: HubOptions) {
    this.metrics = metrics
    this.#current = current
    this.#clock = clock
  }

  get clients(): number {
    return this.#accounts.size
  }

  join(client: Subscriber, { mayList, scope }: SubscriberRights): void {
    const countedAtMs = this.#clock.monotonicMs()
    this.#accounts.set(client, { mayList, scope, repositories: new Set(), debt: 0, countedAtMs })
  }

  leave(client: Subscriber): void {
    for (const repository of this.#accounts.get(client)?.repositories ?? []) this.#remove(client, repository)
    this.#accounts.delete(client)
  }

  /** Handles a message of a client; returns the acknowledgement. Throws BadMessage for an invalid message. */
  receive(client: Subscriber, event: unknown, data: unknown): { repository: string } {
    switch (event) {
      case 'subscribe:repository':
        return this.#subscribe(client, parseSubscription(data))
      case 'unsubscribe:repository':
        return this.#unsubscribe(client, parseUnsubscription(data))
      default:
        throw new BadMessage('unknown event: use subscribe:repository or unsubscribe:repository')
    }
  }

  publish(event: JobEvent, factsOf?: () => JobFacts): void {
    let plain: Message | undefined
    let detailed: Message | undefined
    let factual: Message | undefined
    for (const [client, { detailed: wantsDetail, facts, scope }] of this.#audience(event.repository)) {
      if (!isInScope(event.owner, scope)) continue
      if (facts && factsOf !== undefined) client.send((factual ??= factualMessage(event, factsOf())))
      else if (wantsDetail) client.send((detailed ??= detailedMessage(event)))
      else if (event.event !== 'job:reason') client.send((plain ??= plainMessage(event)))
    }
  }

  /** Sends a deletion to those that follow the facts of jobs. */
  publishDeletion(deletion: JobDeletion, factsOf: () => JobFacts): void {
    let message: Message | undefined
    for (const [client, { facts, scope }] of this.#audience(deletion.repository)) {
      if (facts && isInScope(deletion.owner, scope)) client.send((message ??= factualMessage(deletion, factsOf())))
    }
  }

  /** A client with both a repository and a wildcard subscription gets one message, in the repository's form. */
  #audience(repository: string): ReadonlyMap<Subscriber, Listening> {
    const own = this.#listeners.get(repositoryKey(repository))
    const all = this.#listeners.get('*')
    if (all === undefined) return own ?? new Map()
    return new Map([...all, ...(own ?? [])])
  }

  #subscribe(client: Subscriber, subscription: Subscription): { repository: string } {
    const { repository } = subscription
    const key = repositoryKey(repository)
    const account = this.#accounts.get(client)
    if (account === undefined) return { repository }
    const { repositories, mayList, scope } = account
    if (repository === '*' && !mayList)
      throw new BadMessage('subscribing to all repositories requires permission to list runnerjobs')
    if (repositories.size >= MAX_SUBSCRIPTIONS && !repositories.has(key)) {
      throw new BadMessage(`too many subscriptions: at most ${MAX_SUBSCRIPTIONS} repositories per client`)
    }
    if (subscription.snapshot && this.#debtOf(account) >= SNAPSHOT_BURST) {
      throw new BadMessage('too many snapshots in a short time, try again later')
    }
    repositories.add(key)
    const listeners = this.#listeners.get(key) ?? new Map<Subscriber, Listening>()
    listeners.set(client, { ...subscription, scope })
    this.#listeners.set(key, listeners)
    // No event can be lost between the snapshot and the first event: both happen in one turn of the event loop.
    if (subscription.snapshot) account.debt += this.#sendSnapshot(client, { ...subscription, scope })
    return { repository }
  }

  #debtOf(account: Account): number {
    const now = this.#clock.monotonicMs()
    account.debt = Math.max(0, account.debt - (now - account.countedAtMs) * SNAPSHOT_RATE)
    account.countedAtMs = now
    return account.debt
  }

  /** Sends the current state of a repository's jobs; returns the cost, which jobs of others are part of. */
  #sendSnapshot(client: Subscriber, { repository, facts, scope }: Listening): number {
    const current = this.#current(repository, facts)
    const jobStates = current.filter(({ owner }) => isInScope(owner, scope)).map(detailsOf)
    client.sendAll(framesOf(repository, jobStates))
    return current.length + 1
  }

  #unsubscribe(client: Subscriber, repository: string): { repository: string } {
    const key = repositoryKey(repository)
    this.#accounts.get(client)?.repositories.delete(key)
    this.#remove(client, key)
    return { repository }
  }

  #remove(client: Subscriber, key: string): void {
    const listeners = this.#listeners.get(key)
    listeners?.delete(client)
    if (listeners?.size === 0) this.#listeners.delete(key)
  }
}

function* framesOf(repository: string, jobStates: readonly object[]): Generator<Message> {
  for (let from = 0; from === 0 || from < jobStates.length; from += SNAPSHOT_FRAME) {
    const jobs = jobStates.slice(from, from + SNAPSHOT_FRAME)
    yield messageOf('job:snapshot', { repository, jobs, last: from + SNAPSHOT_FRAME >= jobStates.length })
  }
}
