import type { Step } from './job-story.ts'
import { type Message, detailedMessage, messageOf, plainMessage } from './message.ts'
import { BadMessage, parseSubscription, parseUnsubscription, type Subscription } from './subscription.ts'

/** Somebody who listens, over whatever transport. Sending never waits: one that does not read is cut off. */
export interface Client {
  send(message: Message): void
}

/** Most repositories that one client may subscribe to. */
const MOST_SUBSCRIPTIONS = 1000

/** Jobs in one frame of a snapshot. */
const SNAPSHOT_FRAME = 200

export interface HubOptions {
  /** The present steps of all jobs of a repository, or of all repositories ('*'). */
  present: (repository: string) => Step[]
}

/** Who wants to be told of which repository. A step goes to the subscribers of that very repository, once each. */
export class Hub {
  readonly #present: (repository: string) => Step[]
  readonly #listeners = new Map<string, Map<Client, Subscription>>()
  readonly #repositories = new Map<Client, Set<string>>()

  constructor({ present }: HubOptions) {
    this.#present = present
  }

  get clients(): number {
    return this.#repositories.size
  }

  join(client: Client): void {
    this.#repositories.set(client, new Set())
  }

  leave(client: Client): void {
    for (const repository of this.#repositories.get(client) ?? []) this.#remove(client, repository)
    this.#repositories.delete(client)
  }

  /** Follows what a client sent; answers with what to acknowledge. Throws BadMessage for what it does not know. */
  receive(client: Client, event: unknown, data: unknown): { repository: string } {
    switch (event) {
      case 'subscribe:repository':
        return this.#subscribe(client, parseSubscription(data))
      case 'unsubscribe:repository':
        return this.#unsubscribe(client, parseUnsubscription(data))
      default:
        throw new BadMessage('unknown event: there are subscribe:repository and unsubscribe:repository')
    }
  }

  tell(step: Step): void {
    let plain: Message | undefined
    let detailed: Message | undefined
    for (const [client, { detailed: wantsDetail }] of this.#audience(step.repository)) {
      if (wantsDetail) client.send((detailed ??= detailedMessage(step)))
      else client.send((plain ??= plainMessage(step)))
    }
  }

  /** A client that has subscribed to the repository and to all is told once, in the form of the former. */
  #audience(repository: string): ReadonlyMap<Client, Subscription> {
    const own = this.#listeners.get(repository)
    const all = this.#listeners.get('*')
    if (all === undefined) return own ?? new Map()
    return new Map([...all, ...(own ?? [])])
  }

  #subscribe(client: Client, subscription: Subscription): { repository: string } {
    const { repository } = subscription
    const repositories = this.#repositories.get(client)
    if (repositories === undefined) return { repository }
    if (repositories.size >= MOST_SUBSCRIPTIONS && !repositories.has(repository)) {
      throw new BadMessage(`a client may subscribe to ${MOST_SUBSCRIPTIONS} repositories`)
    }
    repositories.add(repository)
    const listeners = this.#listeners.get(repository) ?? new Map<Client, Subscription>()
    listeners.set(client, subscription)
    this.#listeners.set(repository, listeners)
    // Nothing can happen between the snapshot and the first step after it: both are told in one turn.
    if (subscription.snapshot) this.#sendSnapshot(client, repository)
    return { repository }
  }

  #sendSnapshot(client: Client, repository: string): void {
    const steps = this.#present(repository).map(({ event: _event, ...job }) => job)
    for (let from = 0; from === 0 || from < steps.length; from += SNAPSHOT_FRAME) {
      const jobs = steps.slice(from, from + SNAPSHOT_FRAME)
      client.send(messageOf('job:snapshot', { repository, jobs, last: from + SNAPSHOT_FRAME >= steps.length }))
    }
  }

  #unsubscribe(client: Client, repository: string): { repository: string } {
    this.#repositories.get(client)?.delete(repository)
    this.#remove(client, repository)
    return { repository }
  }

  #remove(client: Client, repository: string): void {
    const listeners = this.#listeners.get(repository)
    listeners?.delete(client)
    if (listeners?.size === 0) this.#listeners.delete(repository)
  }
}
