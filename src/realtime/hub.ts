import { repositoryKey } from '../api/names.ts'
import type { Clock } from '../kube/runtime/clock.ts'
import { type RealtimeMetrics, uncounted } from './counters.ts'
import type { JobEvent } from './job-events.ts'
import {
  BadMessage,
  detailedMessage,
  type Message,
  messageOf,
  parseSubscription,
  parseUnsubscription,
  plainMessage,
  type Subscription,
} from './messages.ts'

/** Somebody who listens, over whatever transport. Sending never waits: one that does not read is cut off. */
export interface Subscriber {
  send(message: Message): void
  /** Sends many, as fast as they are taken; what is sent afterwards comes behind them. */
  sendAll(messages: Iterable<Message>): void
}

/** What a client may do besides. */
export interface SubscriberRights {
  /** Subscribe to all repositories at once. */
  mayList: boolean
}

/** Most repositories that one client may subscribe to. */
const MAX_SUBSCRIPTIONS = 1000

/** Jobs in one frame of a snapshot. */
const SNAPSHOT_FRAME = 200

/** Jobs that one client is told of in snapshots: so many at once, then so many a millisecond. One snapshot may be longer. */
const SNAPSHOT_BURST = 10_000
const SNAPSHOT_RATE = 1

/** What one client has subscribed to, and what its snapshots have cost that time has not paid yet. */
interface Account extends SubscriberRights {
  repositories: Set<string>
  debt: number
  countedAtMs: number
}

export interface HubOptions {
  metrics?: RealtimeMetrics | undefined
  clock: Pick<Clock, 'monotonicMs'>
  /** The present steps of all jobs of a repository, or of all repositories ('*'). */
  current: (repository: string) => JobEvent[]
}

/**
 * The subscribers of each repository, whose name may be written in upper or lower case. A step goes to those of that very
 * repository, once each.
 */
export class Hub {
  /** Where transports count. */
  readonly metrics: RealtimeMetrics
  readonly #current: (repository: string) => JobEvent[]
  readonly #listeners = new Map<string, Map<Subscriber, Subscription>>()
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

  join(client: Subscriber, { mayList }: SubscriberRights): void {
    const countedAtMs = this.#clock.monotonicMs()
    this.#accounts.set(client, { mayList, repositories: new Set(), debt: 0, countedAtMs })
  }

  leave(client: Subscriber): void {
    for (const repository of this.#accounts.get(client)?.repositories ?? []) this.#remove(client, repository)
    this.#accounts.delete(client)
  }

  /** Follows what a client sent; answers with what to acknowledge. Throws BadMessage for what it does not know. */
  receive(client: Subscriber, event: unknown, data: unknown): { repository: string } {
    switch (event) {
      case 'subscribe:repository':
        return this.#subscribe(client, parseSubscription(data))
      case 'unsubscribe:repository':
        return this.#unsubscribe(client, parseUnsubscription(data))
      default:
        throw new BadMessage('unknown event: there are subscribe:repository and unsubscribe:repository')
    }
  }

  publish(step: JobEvent): void {
    let plain: Message | undefined
    let detailed: Message | undefined
    for (const [client, { detailed: wantsDetail }] of this.#audience(step.repository)) {
      if (wantsDetail) client.send((detailed ??= detailedMessage(step)))
      else client.send((plain ??= plainMessage(step)))
    }
  }

  /** A client that has subscribed to the repository and to all is told once, in the form of the former. */
  #audience(repository: string): ReadonlyMap<Subscriber, Subscription> {
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
    const { repositories, mayList } = account
    if (repository === '*' && !mayList) throw new BadMessage('all repositories need the right to list runnerjobs')
    if (repositories.size >= MAX_SUBSCRIPTIONS && !repositories.has(key)) {
      throw new BadMessage(`a client may subscribe to ${MAX_SUBSCRIPTIONS} repositories`)
    }
    if (subscription.snapshot && this.#debtOf(account) >= SNAPSHOT_BURST) {
      throw new BadMessage('too many snapshots in a short time, try again in a while')
    }
    repositories.add(key)
    const listeners = this.#listeners.get(key) ?? new Map<Subscriber, Subscription>()
    listeners.set(client, subscription)
    this.#listeners.set(key, listeners)
    // Nothing can happen between the snapshot and the first step after it: both are told in one turn.
    if (subscription.snapshot) account.debt += this.#sendSnapshot(client, repository)
    return { repository }
  }

  #debtOf(account: Account): number {
    const now = this.#clock.monotonicMs()
    account.debt = Math.max(0, account.debt - (now - account.countedAtMs) * SNAPSHOT_RATE)
    account.countedAtMs = now
    return account.debt
  }

  /** Sends the present state of a repository's jobs; says what it cost. */
  #sendSnapshot(client: Subscriber, repository: string): number {
    const steps = this.#current(repository).map(({ event: _event, ...job }) => job)
    client.sendAll(framesOf(repository, steps))
    return steps.length + 1
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

function* framesOf(repository: string, steps: readonly Omit<JobEvent, 'event'>[]): Generator<Message> {
  for (let from = 0; from === 0 || from < steps.length; from += SNAPSHOT_FRAME) {
    const jobs = steps.slice(from, from + SNAPSHOT_FRAME)
    yield messageOf('job:snapshot', { repository, jobs, last: from + SNAPSHOT_FRAME >= steps.length })
  }
}
