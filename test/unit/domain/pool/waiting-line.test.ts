import { expect } from 'chai'
import { array, assert, constant, constantFrom, integer, oneof, property, record } from 'fast-check'
import { type Ticket, WaitingLine } from '../../../../src/domain/pool/waiting-line.ts'

type Step = { is: 'add'; ticket: Ticket } | { is: 'remove'; key: string } | { is: 'shift' }

const key = constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g')
const step = oneof(
  record({
    is: constant('add' as const),
    ticket: record({ key, delegatedMs: integer({ min: 0, max: 3 }) }),
  }),
  record({ is: constant('remove' as const), key }),
  record({ is: constant('shift' as const) }),
)

function sorted(tickets: Ticket[]): Ticket[] {
  return tickets.toSorted((a, b) => a.delegatedMs - b.delegatedMs || (a.key < b.key ? -1 : 1))
}

/** A model of the line that sorts a list at each step; returns the removed key, if any. */
function model(tickets: Ticket[], to: Step): { tickets: Ticket[]; out: string | boolean | undefined } {
  switch (to.is) {
    case 'add': {
      const known = tickets.some((ticket) => ticket.key === to.ticket.key)
      return { tickets: known ? tickets : sorted([...tickets, to.ticket]), out: undefined }
    }
    case 'remove': {
      const left = tickets.filter((ticket) => ticket.key !== to.key)
      return { tickets: left, out: left.length < tickets.length }
    }
    case 'shift':
      return { tickets: tickets.slice(1), out: tickets[0]?.key }
    default:
      return to satisfies never
  }
}

function apply(line: WaitingLine, to: Step): string | boolean | undefined {
  switch (to.is) {
    case 'add':
      line.add(to.ticket)
      return undefined
    case 'remove':
      return line.remove(to.key)
    case 'shift':
      return line.shift()
    default:
      return to satisfies never
  }
}

describe('the waiting line', () => {
  it('is ordered by the time of delegation, then by name, after any additions and removals', () => {
    assert(
      property(array(step, { maxLength: 40, size: 'max' }), (steps) => {
        const line = new WaitingLine()
        let tickets: Ticket[] = []
        for (const each of steps) {
          const expected = model(tickets, each)
          expect(apply(line, each)).to.equal(expected.out)
          tickets = expected.tickets
          expect(line.tickets()).to.deep.equal(tickets)
          expect(line.first).to.equal(tickets[0])
          expect(line.size).to.equal(tickets.length)
        }
      }),
      { numRuns: 300 },
    )
  })
})
