import { expect } from 'chai'
import {
  BadLedger,
  emptyLedger,
  formatLedger,
  type Ledger,
  MOST_LEAVING,
  MOST_NAMED,
  nextLedger,
  parseLedger,
} from '../../../../src/domain/totals/ledger.ts'
import { highest, minus, noJobs, plus, shareOf, type Totals } from '../../../../src/domain/totals/totals.ts'
import { aJob, stamp } from '../../../objects/builders.ts'

const ran = (seconds: number, phase: 'Completed' | 'Failed' | 'Cancelled' = 'Completed'): Totals =>
  shareOf(aJob({ status: { phase, startedAt: stamp(0), completedAt: stamp(seconds) } }))

describe('the share of a job', () => {
  it('is nothing before it has finished', () => {
    for (const phase of ['Queued', 'Assigned', 'Running'] as const) {
      expect(shareOf(aJob({ status: { phase, startedAt: stamp(0) } })), phase).to.deep.equal(noJobs)
    }
  })

  const cases: [seconds: number, within: number[]][] = [
    [0, [1, 1, 1, 1, 1, 1, 1, 1, 1]],
    [10, [1, 1, 1, 1, 1, 1, 1, 1, 1]],
    [11, [0, 1, 1, 1, 1, 1, 1, 1, 1]],
    [3600, [0, 0, 0, 0, 0, 0, 0, 1, 1]],
    [3601, [0, 0, 0, 0, 0, 0, 0, 0, 1]],
  ]
  for (const [seconds, within] of cases) {
    it(`is one job in the buckets from its duration up: ${seconds} s`, () => {
      expect(ran(seconds)).to.deep.equal({ ...noJobs, completed: 1, within, ranMs: seconds * 1000 })
    })
  }

  it('has no duration if it never started', () => {
    const never = aJob({ status: { phase: 'Cancelled', completedAt: stamp(5) } })
    expect(shareOf(never)).to.deep.equal({ ...noJobs, cancelled: 1 })
  })

  it('can be subtracted exactly', () => {
    const sum = plus(ran(0.1), plus(ran(0.2, 'Failed'), ran(700, 'Cancelled')))
    expect(minus(minus(minus(sum, ran(0.2, 'Failed')), ran(0.1)), ran(700, 'Cancelled'))).to.deep.equal(noJobs)
  })

  it('never makes reported totals decrease', () => {
    expect(highest(ran(5), ran(700, 'Failed'))).to.deep.equal({
      ...ran(5),
      failed: 1,
      ranMs: 700_000,
    })
  })
})

describe('the ledger', () => {
  const ledger: Ledger = {
    totals: plus(ran(20), ran(900, 'Failed')),
    requested: new Map([
      ['owner/repo', { cpuMillicoreSeconds: 12, memoryMebibyteSeconds: 34 }],
      ['other', { cpuMillicoreSeconds: 5, memoryMebibyteSeconds: 6 }],
    ]),
    leaving: ['uid-1', 'uid-2'],
    gone: ['uid-3'],
    goneSince: '1200',
    asOf: '1234',
  }

  it('is read as it was written', () => {
    expect(parseLedger(formatLedger(ledger))).to.deep.equal(ledger)
    expect(parseLedger(formatLedger(emptyLedger))).to.deep.equal(emptyLedger)
  })

  it('can be read by people', () => {
    expect(formatLedger(ledger)).to.include({
      completed: '1',
      failed: '1',
      cancelled: '0',
      ranWithinSeconds: '10:0 30:1 60:1 120:1 300:1 600:1 1800:2 3600:2 +Inf:2',
      ranMilliseconds: '920000',
      requested: 'owner/repo 12 34\nother 5 6',
    })
  })

  it('of a version before what jobs requested is read, without that', () => {
    const { requested: _, ...data } = formatLedger(ledger)
    expect(parseLedger(data)).to.deep.equal({ ...ledger, requested: new Map() })
  })

  it('counts what jobs requested by repository, in any case, and the rest together', () => {
    const requested = { cpuMillicoreSeconds: 1000, memoryMebibyteSeconds: 10 }
    const of = (repository: string) => aJob({ spec: { repository }, status: { phase: 'Failed', requested } })
    const departed = [of('Owner/Repo'), of('owner/unknown'), of('owner/new'), aJob({ status: { phase: 'Failed' } })]
    const named = new Set(['owner/repo', 'owner/new'])
    expect(nextLedger(ledger, { ...nothing, departed, named })?.requested).to.deep.equal(
      new Map([
        ['owner/repo', { cpuMillicoreSeconds: 1012, memoryMebibyteSeconds: 44 }],
        ['other', { cpuMillicoreSeconds: 1005, memoryMebibyteSeconds: 16 }],
        ['owner/new', requested],
      ]),
    )
  })

  const spoiled: Record<string, Record<string, string>> = {
    'lacks a field': { completed: '1' },
    'has text for a number': { ...formatLedger(ledger), failed: 'many' },
    'has a negative number': { ...formatLedger(ledger), failed: '-1' },
    'has a number that is not whole': { ...formatLedger(ledger), ranMilliseconds: '1.5' },
    'has other buckets': { ...formatLedger(ledger), ranWithinSeconds: '10:1 20:1' },
    'has buckets in another order': {
      ...formatLedger(ledger),
      ranWithinSeconds: '30:1 10:0 60:1 120:1 300:1 600:1 1800:2 3600:2 +Inf:2',
    },
    'has text for what a repository requested': { ...formatLedger(ledger), requested: 'owner/repo 1' },
    'has text for a version': { ...formatLedger(ledger), asOf: 'now' },
  }
  for (const [name, data] of Object.entries(spoiled)) {
    it(`is rejected if it ${name}`, () => expect(() => parseLedger(data)).to.throw(BadLedger))
  }

  const jobs = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, index) =>
      aJob({ metadata: { name: `${prefix}-${index}` }, status: { phase: 'Completed', completedAt: stamp(1) } }),
    )
  const uidsOf = (prefix: string, count: number) => jobs(prefix, count).map(({ metadata }) => metadata.uid)
  const nothing = { due: [], departed: [], present: [], held: 0, named: new Set<string>(), asOf: '50' }

  it('is not written for nothing', () => {
    expect(nextLedger(emptyLedger, nothing)).to.equal(undefined)
    expect(nextLedger({ ...emptyLedger, leaving: uidsOf('a', 3) }, nothing)).to.equal(undefined)
  })

  it('counts no more jobs before they are deleted than it can name', () => {
    const first = nextLedger(emptyLedger, { ...nothing, due: jobs('a', 1000) })
    expect(first?.totals.completed).to.equal(MOST_LEAVING)
    expect(first?.leaving).to.deep.equal(uidsOf('a', MOST_LEAVING))
    if (first === undefined) throw new Error('nothing was counted')
    const present = first.leaving.slice(5)
    const next = nextLedger(first, { ...nothing, due: jobs('b', 1000), present })
    expect(next?.totals.completed).to.equal(MOST_LEAVING + 5)
    expect(next?.leaving).to.deep.equal([...present, ...uidsOf('b', 5)])
    expect(next?.gone).to.deep.equal(uidsOf('a', 5))
  })

  it('keeps counting beside jobs that another finalizer holds, as long as it can name them all', () => {
    const first = nextLedger(emptyLedger, { ...nothing, due: jobs('a', MOST_LEAVING) })
    if (first === undefined) throw new Error('nothing was counted')
    const stuck = { present: first.leaving, due: jobs('b', 1000) }
    expect(nextLedger(first, { ...nothing, ...stuck, held: 0 })).to.equal(undefined)
    const next = nextLedger(first, { ...nothing, ...stuck, held: 150 })
    expect(next?.leaving).to.deep.equal([...first.leaving, ...uidsOf('b', 150)])
    expect(next?.totals.completed).to.equal(MOST_LEAVING + 150)
    const most = { present: uidsOf('c', MOST_NAMED - 10), held: MOST_NAMED - 10, due: jobs('b', 1000) }
    const last = nextLedger({ ...emptyLedger, leaving: most.present }, { ...nothing, ...most })
    expect(last?.leaving).to.have.length(MOST_NAMED)
    const full = { present: uidsOf('c', MOST_NAMED), held: MOST_NAMED, due: jobs('b', 1000) }
    expect(nextLedger({ ...emptyLedger, leaving: full.present }, { ...nothing, ...full })).to.equal(undefined)
  })

  it('does not count a job a second time', () => {
    const first = nextLedger(emptyLedger, { ...nothing, due: jobs('a', 2) })
    if (first === undefined) throw new Error('nothing was counted')
    expect(nextLedger(first, { ...nothing, due: jobs('a', 2), present: first.leaving })).to.equal(undefined)
  })

  it('has the version since which it names all deleted jobs', () => {
    const first = nextLedger(emptyLedger, { ...nothing, departed: jobs('a', 150), asOf: '50' })
    expect(first).to.include({ goneSince: '0', asOf: '50' })
    if (first === undefined) throw new Error('nothing was counted')
    const second = nextLedger(first, { ...nothing, departed: jobs('b', 100), asOf: '60' })
    expect(second).to.deep.include({ gone: uidsOf('b', 100), goneSince: '50', asOf: '60' })
    if (second === undefined) throw new Error('nothing was counted')
    const third = nextLedger(second, { ...nothing, departed: jobs('c', 10_000), asOf: '70' })
    expect(third).to.deep.include({ gone: [], goneSince: '70', asOf: '70' })
    expect(third?.totals.completed).to.equal(10_250)
  })
})
