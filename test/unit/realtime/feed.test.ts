import { expect } from 'chai'
import { Feed } from '../../../src/realtime/feed.ts'
import { type Message, messageOf } from '../../../src/realtime/messages.ts'

const numbered = (index: number): Message => messageOf('n', index)

describe('the feed of one client', () => {
  let unread: unknown[]
  let isCut: boolean
  let feed: Feed

  beforeEach(() => {
    unread = []
    isCut = false
    feed = new Feed({
      write: ({ payload }) => void unread.push(payload),
      isFull: () => unread.length >= 3,
      isOverfull: () => unread.length >= 10,
      cutOff: () => (isCut = true),
    })
  })

  function* count(upTo: number, made: number[] = []): Generator<Message> {
    for (let index = 1; index <= upTo; index += 1) {
      made.push(index)
      yield numbered(index)
    }
  }

  function readAll(): unknown[] {
    const read = []
    while (unread.length > 0) {
      read.push(...unread.splice(0))
      feed.drained()
    }
    return read
  }

  it('keeps the order: a snapshot of any size, then the events since its begin', () => {
    feed.sendAll(count(50))
    feed.send(numbered(51))
    feed.sendAll([numbered(52), numbered(53)])
    feed.send(numbered(54))
    expect(readAll()).to.deep.equal(Array.from({ length: 54 }, (_, index) => index + 1))
    expect(isCut).to.equal(false)
  })

  it('creates no message before the client can take it', () => {
    const made: number[] = []
    feed.sendAll(count(50, made))
    expect(made).to.deep.equal([1, 2, 3])
    unread.splice(0, 2)
    feed.drained()
    expect(made).to.deep.equal([1, 2, 3, 4, 5])
  })

  it('ends if the client does not read its events', () => {
    for (let index = 0; index <= 10; index += 1) feed.send(numbered(index))
    expect([isCut, unread.length]).to.deep.equal([true, 10])
    feed.sendAll(count(5))
    feed.send(numbered(99))
    expect(unread).to.have.length(10)
  })

  it('ends if too much waits behind an unread snapshot', () => {
    feed.sendAll(count(50))
    for (let index = 0; index < 9999; index += 1) feed.send(numbered(index))
    expect(isCut).to.equal(false)
    feed.send(numbered(0))
    expect(isCut).to.equal(true)
    expect(readAll()).to.have.length(3)
  })
})
