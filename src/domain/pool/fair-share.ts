import { KeyedHeap } from '../../collections/keyed-heap.ts'
import { ShareHistory } from './share-history.ts'
import { isBefore, type Ticket, WaitingLine } from './waiting-line.ts'

/** The waiting jobs of one repository. */
interface Flow {
  repository: string
  line: WaitingLine
  head: Ticket
  /** Finish tag of the repository's latest job: it may be earlier than the virtual time. */
  finish: number
}

/** A waiting job. */
export interface Waiting extends Ticket {
  repository: string
}

/** A job that may go next, and its start tag. */
export interface Next extends Waiting {
  start: number
}

/**
 * The waiting jobs of one priority, in the order of start-time fair queueing (P. Goyal, H. M. Vin and H. Cheng,
 * "Start-time Fair Queueing", SIGCOMM 1996). A job's start tag is the later of the virtual time and the finish tag of its
 * repository's latest job; the smallest start tag goes first, then the oldest job. A finish tag is the start tag plus the
 * repository's virtual time per job, which is short if its weight is high. The virtual time is the latest start tag of
 * those that had their turn. So a repository that was idle gets no credit for it, and one with many jobs no more than its
 * share while others wait.
 *
 * The order depends only on the waiting jobs and on the recorded turns, not on the order in which they became known.
 */
export class FairShare {
  readonly history: ShareHistory
  readonly #flows = new Map<string, Flow>()
  /** Eligible flows whose finish tag is not after the virtual time: they all have the same start tag. */
  readonly #due = new KeyedHeap<Flow>((a, b) => isBefore(a.head, b.head))
  /** The other eligible flows. */
  readonly #later = new KeyedHeap<Flow>((a, b) =>
    a.finish === b.finish ? isBefore(a.head, b.head) : a.finish < b.finish,
  )
  /** All eligible flows. */
  readonly #byAge = new KeyedHeap<Flow>((a, b) => isBefore(a.head, b.head))
  readonly #timeOf: (repository: string) => number
  readonly #isHeld: (repository: string) => boolean
  #now = 0

  /** `isHeld` says whether the jobs of a repository may not start now; its changes have to be followed by `review`. */
  constructor(timeOf: (repository: string) => number, isHeld: (repository: string) => boolean) {
    this.#timeOf = timeOf
    this.history = new ShareHistory(timeOf)
    this.#isHeld = isHeld
  }

  /** Whether nobody waits and nothing is recorded. */
  get isEmpty(): boolean {
    return this.#flows.size === 0 && this.history.size === 0
  }

  /** The next job. */
  get first(): Next | undefined {
    return this.#nextOf(this.#due.first ?? this.#later.first)
  }

  /** The oldest job that may start. */
  get oldest(): Next | undefined {
    return this.#nextOf(this.#byAge.first)
  }

  /** The waiting jobs of a repository. */
  lineOf(repository: string): WaitingLine | undefined {
    return this.#flows.get(repository)?.line
  }

  /** All waiting jobs, the oldest first: a pass over all of them. */
  byAge(): Waiting[] {
    const all = [...this.#flows.values()].flatMap(({ repository, line }) =>
      line.tickets().map((ticket) => ({ ...ticket, repository })),
    )
    return all.toSorted((a, b) => (isBefore(a, b) ? -1 : 1))
  }

  /**
   * All waiting jobs in their order, if no repository is held back and none comes: a pass over all of them. Those that
   * are `gone`, the oldest ones, went out of this order before.
   */
  ordered(gone: readonly Waiting[] = []): Ticket[] {
    let now = this.#now
    const flows = new Map<string, { finish: number; gone: number }>()
    for (const { repository } of gone) {
      const flow = flows.get(repository) ?? { finish: this.history.finishOf(repository), gone: 0 }
      now = Math.max(now, flow.finish)
      flows.set(repository, { finish: now + this.#timeOf(repository), gone: flow.gone + 1 })
    }
    const tagged = [...this.#flows.values()].flatMap(({ repository, line }) => {
      const flow = flows.get(repository) ?? { finish: this.history.finishOf(repository), gone: 0 }
      const first = Math.max(now, flow.finish)
      const time = this.#timeOf(repository)
      const tickets = flow.gone === 0 ? line.tickets() : line.tickets().slice(flow.gone)
      return tickets.map((ticket, index) => ({ ticket, start: first + index * time }))
    })
    tagged.sort((a, b) => a.start - b.start || (isBefore(a.ticket, b.ticket) ? -1 : 1))
    return tagged.map(({ ticket }) => ticket)
  }

  add(repository: string, ticket: Ticket): void {
    const flow = this.#flows.get(repository)
    if (flow === undefined) {
      const line = new WaitingLine()
      line.add(ticket)
      this.#flows.set(repository, { repository, line, head: ticket, finish: 0 })
    } else {
      flow.line.add(ticket)
    }
    this.review(repository)
  }

  remove(repository: string, key: string): void {
    this.#flows.get(repository)?.line.remove(key)
    this.review(repository)
  }

  /** Records the turn of a job. */
  charge(key: string, repository: string, start: number): void {
    if (this.history.add(key, repository, start)) this.#recorded(repository)
  }

  /** Forgets the turn of a job. */
  uncharge(key: string): void {
    const repository = this.history.remove(key)
    if (repository !== undefined) this.#recorded(repository)
  }

  /** Puts the jobs of a repository into the place that they have now. */
  review(repository: string): void {
    const flow = this.#flows.get(repository)
    if (flow === undefined) return
    const head = flow.line.first
    if (head === undefined) this.#flows.delete(repository)
    for (const heap of [this.#due, this.#later, this.#byAge]) heap.delete(repository)
    if (head === undefined || this.#isHeld(repository)) return
    flow.head = head
    flow.finish = this.history.finishOf(repository)
    this.#byAge.set(repository, flow)
    this.#heapOf(flow).set(repository, flow)
  }

  #nextOf(flow: Flow | undefined): Next | undefined {
    if (flow === undefined) return undefined
    const { repository, head, finish } = flow
    return { ...head, repository, start: Math.max(this.#now, finish) }
  }

  #heapOf({ finish }: Flow): KeyedHeap<Flow> {
    return finish <= this.#now ? this.#due : this.#later
  }

  #recorded(repository: string): void {
    const before = this.#now
    this.#now = this.history.now
    if (this.#now < before) {
      // The latest turn was forgotten, which is rare: a finished job is deleted after those before it.
      for (const each of this.#flows.keys()) this.review(each)
      return
    }
    for (let flow = this.#later.first; flow !== undefined && flow.finish <= this.#now; flow = this.#later.first) {
      this.#later.delete(flow.repository)
      this.#due.set(flow.repository, flow)
    }
    this.review(repository)
  }
}
