/** A key and its sort key: the time of its delegation in milliseconds, then its name. */
export interface Ticket {
  key: string
  delegatedMs: number
}

/** Unique keys in order of delegation, oldest first. Adding and removing cost a binary search. */
export class WaitingLine {
  readonly #tickets: Ticket[] = []
  readonly #byKey = new Map<string, Ticket>()

  get size(): number {
    return this.#tickets.length
  }

  /** The oldest ticket. */
  get first(): Ticket | undefined {
    return this.#tickets[0]
  }

  add(ticket: Ticket): void {
    if (this.#byKey.has(ticket.key)) return
    this.#byKey.set(ticket.key, ticket)
    this.#tickets.splice(this.#position(ticket), 0, ticket)
  }

  remove(key: string): boolean {
    const ticket = this.#byKey.get(key)
    if (ticket === undefined) return false
    this.#byKey.delete(key)
    this.#tickets.splice(this.#position(ticket), 1)
    return true
  }

  /** Removes and returns the oldest key. */
  shift(): string | undefined {
    const ticket = this.#tickets.shift()
    if (ticket !== undefined) this.#byKey.delete(ticket.key)
    return ticket?.key
  }

  /** How many keys are before this one; undefined if it is not in the line. */
  before(key: string): number | undefined {
    const ticket = this.#byKey.get(key)
    return ticket === undefined ? undefined : this.#position(ticket)
  }

  tickets(): readonly Ticket[] {
    return this.#tickets
  }

  /** Index of the first ticket that is not before the given one. */
  #position(ticket: Ticket): number {
    let low = 0
    let high = this.#tickets.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = this.#tickets[middle]
      if (other !== undefined && isBefore(other, ticket)) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Whether a ticket is older, or as old with the first name. */
export function isBefore(a: Ticket, b: Ticket): boolean {
  return a.delegatedMs === b.delegatedMs ? a.key < b.key : a.delegatedMs < b.delegatedMs
}
