import { expect } from 'chai'
import { array, assert, constant, constantFrom, integer, oneof, property, record, shuffledSubarray } from 'fast-check'
import { PoolQueue, type QueuedJob, type Turn } from '../../../../src/domain/pool/queue.ts'
import { virtualTimeOf } from '../../../../src/domain/pool/share-history.ts'

const repositories = ['o/a', 'o/b', 'o/c'] as const
const weights: Readonly<Record<string, number>> = { 'o/a': 1, 'o/b': 3, 'o/c': 2 }
const rules = { timeOf: (repository: string) => virtualTimeOf(weights[repository] ?? 1), agingMs: 60_000 }
const equal = { timeOf: () => virtualTimeOf(1), agingMs: 60_000 }

function job(key: string, of: Partial<QueuedJob> = {}): QueuedJob {
  return { key, repository: 'o/a', delegatedMs: 0, priority: 0, ...of }
}

function drain(queue: PoolQueue): string[] {
  const keys: string[] = []
  for (let next = queue.take(); next !== undefined; next = queue.take()) keys.push(next.key)
  return keys
}

/** The queue by its definition: it looks at everything at each step. */
class Model {
  readonly jobs = new Map<string, QueuedJob>()
  readonly turns = new Map<string, Turn & { repository: string }>()
  readonly held = new Set<string>()

  /** The job whose turn it is. */
  next(): (QueuedJob & { turn: Turn }) | undefined {
    const able = [...this.jobs.values()].filter(({ repository }) => !this.held.has(repository))
    const classes = [...Map.groupBy(able, ({ priority }) => priority)]
    const [best] = classes.toSorted(([p, a], [q, b]) => score(q, b) - score(p, a) || q - p)
    if (best === undefined) return undefined
    const [priority, jobs] = best
    const ranked = jobs.map((each) => ({ ...each, turn: { priority, start: this.#startOf(each) } }))
    const byAge = ranked.toSorted((a, b) => a.delegatedMs - b.delegatedMs || byName(a, b))
    // Only the oldest job has made up for a higher priority.
    return classes.some(([other]) => other > priority)
      ? byAge[0]
      : byAge.toSorted((a, b) => a.turn.start - b.turn.start)[0]
  }

  #startOf({ priority, repository }: QueuedJob): number {
    const turns = [...this.turns.values()].filter((turn) => turn.priority === priority)
    const own = turns.filter((turn) => turn.repository === repository)
    const finishes = own.map(({ start }) => start + rules.timeOf(repository))
    return Math.max(0, ...turns.map(({ start }) => start), ...finishes)
  }
}

function score(priority: number, jobs: readonly QueuedJob[]): number {
  return priority * rules.agingMs - Math.min(...jobs.map(({ delegatedMs }) => delegatedMs))
}

function byName(a: QueuedJob, b: QueuedJob): number {
  return a.key < b.key ? -1 : 1
}

const key = constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j')
const repository = constantFrom(...repositories)
const queued = record({
  key,
  repository,
  delegatedMs: integer({ min: 0, max: 3 }).map((minutes) => minutes * 60_000),
  priority: integer({ min: -1, max: 1 }),
})
const step = oneof(
  { weight: 4, arbitrary: record({ is: constant('add' as const), job: queued }) },
  { weight: 3, arbitrary: record({ is: constant('take' as const) }) },
  record({ is: constant('remove' as const), key }),
  record({ is: constant('forget' as const), key }),
  record({ is: constant('hold' as const), repository, isHeld: constantFrom(true, false) }),
)
const steps = array(step, { maxLength: 60, size: 'max' })
type Step = typeof step extends { generate: (...args: never) => { value: infer S } } ? S : never

/** Performs the step on both, and compares what they take. */
function perform(queue: PoolQueue, model: Model, to: Step): void {
  switch (to.is) {
    case 'add':
      // A job waits, or had its turn.
      queue.uncharge(to.job.key)
      model.turns.delete(to.job.key)
      queue.add(to.job)
      model.jobs.set(to.job.key, to.job)
      return
    case 'take': {
      const expected = model.next()
      expect(queue.take()).to.deep.equal(expected)
      if (expected === undefined) return
      model.jobs.delete(expected.key)
      model.turns.set(expected.key, { ...expected.turn, repository: expected.repository })
      return
    }
    case 'remove':
      queue.remove(to.key)
      model.jobs.delete(to.key)
      return
    case 'forget':
      queue.uncharge(to.key)
      model.turns.delete(to.key)
      return
    case 'hold':
      queue.hold(to.repository, to.isHeld)
      if (to.isHeld) model.held.add(to.repository)
      else model.held.delete(to.repository)
      return
    default:
      to satisfies never
  }
}

function played(all: readonly Step[]): { queue: PoolQueue; model: Model } {
  const [queue, model] = [new PoolQueue(rules), new Model()]
  for (const each of all) perform(queue, model, each)
  return { queue, model }
}

describe('the queue of a pool', () => {
  it('gives the next slot to the job that its definition names, and wastes none, after any changes', () => {
    assert(
      property(steps, (all) => {
        const { queue, model } = played(all)
        expect(queue.size).to.equal(model.jobs.size)
        for (let left = model.jobs.size; left >= 0; left--) perform(queue, model, { is: 'take' })
      }),
      { numRuns: 500 },
    )
  })

  it('shows the order in which it will be emptied, and the position of each job', () => {
    assert(
      property(steps, (all) => {
        const { queue } = played([
          ...all,
          ...repositories.map((each) => ({ is: 'hold', repository: each, isHeld: false }) as const),
        ])
        const order = queue.order()
        for (const [position, each] of order.entries()) expect(queue.before(each)).to.equal(position)
        expect(drain(queue)).to.deep.equal(order)
      }),
      { numRuns: 200 },
    )
  })

  it('has the same order when it is built again from the same jobs and turns, in whatever order they come', () => {
    const rebuilt = steps.chain((all) => {
      const { queue, model } = played(all)
      const jobs = [...model.jobs.values()].map((each) => ({ each }))
      const turns = [...model.turns].map(([of, turn]) => ({ of, turn }))
      const parts = [...jobs, ...turns]
      return shuffledSubarray(parts, { minLength: parts.length }).map((shuffled) => ({ queue, shuffled }))
    })
    assert(
      property(rebuilt, ({ queue, shuffled }) => {
        const again = new PoolQueue(rules)
        for (const part of shuffled) {
          if ('each' in part) again.add(part.each)
          else again.charge(part.of, part.turn.repository, part.turn)
        }
        expect(again.order()).to.deep.equal(queue.order())
      }),
      { numRuns: 300 },
    )
  })

  it('is fair: of two repositories that send 90 and 10 % of the jobs, each gets half of the slots while both wait', () => {
    const queue = new PoolQueue(equal)
    for (let index = 0; index < 1000; index++)
      queue.add(job(`j${index}`, { repository: index % 10 === 0 ? 'o/few' : 'o/many', delegatedMs: index }))
    const got = new Map([
      ['o/few', 0],
      ['o/many', 0],
    ])
    for (let next = queue.take(); (got.get('o/few') ?? 0) < 100 && next !== undefined; next = queue.take())
      got.set(next.repository, (got.get(next.repository) ?? 0) + 1)
    expect(jain([...got.values()])).to.be.at.least(0.99)
  })

  it('gives a repository with three times the weight three times the slots', () => {
    const queue = new PoolQueue(rules)
    for (let index = 0; index < 100; index++)
      for (const each of ['o/a', 'o/b']) queue.add(job(`${each} ${index}`, { repository: each, delegatedMs: index }))
    const got = Array.from({ length: 80 }, () => queue.take()?.repository)
    expect(got.filter((each) => each === 'o/b')).to.have.length(60)
  })

  it('lets a repository that was idle neither catch up nor wait', () => {
    const queue = new PoolQueue(equal)
    for (let index = 0; index < 100; index++) queue.add(job(`a${index}`, { delegatedMs: index }))
    for (let index = 0; index < 50; index++) queue.take()
    for (let index = 0; index < 10; index++) queue.add(job(`b${index}`, { repository: 'o/b', delegatedMs: 1000 }))
    const next = Array.from({ length: 6 }, () => queue.take()?.key)
    expect(next).to.deep.equal(['b0', 'a50', 'b1', 'a51', 'b2', 'a52'])
  })

  it('takes a higher priority first, but lets no job wait for ever', () => {
    const queue = new PoolQueue(equal)
    queue.add(job('patient', { priority: 0, delegatedMs: 0 }))
    const order: (string | undefined)[] = []
    // A job of priority 5 comes every half minute, and each finds one slot.
    for (let half = 1; half <= 12; half++) {
      queue.add(job(`urgent ${half}`, { repository: 'o/b', priority: 5, delegatedMs: half * 30_000 }))
      order.push(queue.take()?.key)
    }
    expect(order.indexOf('patient')).to.equal(10)
  })

  it('lets an old job pass a higher priority, but not the younger ones of its own priority', () => {
    const queue = new PoolQueue(equal)
    queue.charge('before', 'o/old', { priority: 0, start: 1 })
    queue.add(job('old', { repository: 'o/old', delegatedMs: 0 }))
    for (const name of ['young 1', 'young 2']) queue.add(job(name, { repository: 'o/young', delegatedMs: 590_000 }))
    for (const name of ['urgent 1', 'urgent 2'])
      queue.add(job(name, { repository: 'o/urgent', priority: 5, delegatedMs: 600_000 }))
    expect(queue.order()).to.deep.equal(['old', 'urgent 1', 'urgent 2', 'young 1', 'young 2'])
    expect(drain(queue)).to.deep.equal(['old', 'urgent 1', 'urgent 2', 'young 1', 'young 2'])
  })

  it('moves a job whose priority changes', () => {
    const queue = new PoolQueue(equal)
    for (const name of ['a', 'b', 'c']) queue.add(job(name))
    queue.add(job('c', { priority: 1 }))
    expect(queue.order()).to.deep.equal(['c', 'a', 'b'])
  })
})

/** Jain's index of fairness: 1 if all have the same. */
function jain(shares: readonly number[]): number {
  const sum = shares.reduce((a, b) => a + b, 0)
  return sum ** 2 / (shares.length * shares.reduce((total, share) => total + share ** 2, 0))
}
