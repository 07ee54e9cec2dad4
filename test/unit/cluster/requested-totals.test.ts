import { expect } from 'chai'
import type { Requested } from '../../../src/api/runner-job.ts'
import { RequestedTotals } from '../../../src/cluster/requested-totals.ts'
import { emptyLedger, type Ledger } from '../../../src/domain/totals/ledger.ts'
import { aJob, stamp } from '../../objects/builders.ts'

const amount = (cpu: number): Requested => ({ cpuMillicoreSeconds: cpu, memoryMebibyteSeconds: 10 * cpu })
const done = (repository: string, cpu: number, second = 0) =>
  aJob({ spec: { repository }, status: { phase: 'Completed', completedAt: stamp(second), requested: amount(cpu) } })
const counting = (entries: Record<string, number>): Ledger => ({
  ...emptyLedger,
  requested: new Map(Object.entries(entries).map(([key, cpu]) => [key, amount(cpu)])),
})
const shown = (totals: RequestedTotals, ledger = emptyLedger) =>
  Object.fromEntries([...totals.read(ledger)].map(([key, { cpuMillicoreSeconds }]) => [key, cpuMillicoreSeconds]))

describe('what jobs requested, by repository', () => {
  it('is the sum of its jobs, in the ledger and beside it', () => {
    const totals = new RequestedTotals(2)
    for (const job of [done('a/a', 1), done('A/a', 2), done('b/b', 4)]) totals.add(job)
    expect(shown(totals)).to.deep.equal({ 'a/a': 3, 'b/b': 4, other: 0 })
    totals.remove(done('a/a', 1))
    expect(shown(totals, counting({ 'a/a': 1 }))).to.deep.equal({ 'a/a': 3, 'b/b': 4, other: 0 })
  })

  it('is one number for all repositories beyond the limit: those that ended first have their own', () => {
    const totals = new RequestedTotals(2)
    for (const job of [done('c/c', 1, 30), done('a/a', 2, 20), done('c/c', 3, 5), done('b/b', 4, 10)]) totals.add(job)
    expect(shown(totals)).to.deep.equal({ 'c/c': 4, 'b/b': 4, other: 2 })
    totals.add(done('d/d', 8, 1))
    expect(shown(totals), 'a later one that ended before').to.deep.equal({ 'c/c': 4, 'b/b': 4, other: 10 })
  })

  it('prefers the repositories of the ledger, so that a restart changes none', () => {
    const totals = new RequestedTotals(2)
    for (const job of [done('a/a', 1, 1), done('b/b', 2, 2), done('c/c', 4, 3)]) totals.add(job)
    expect(shown(totals, counting({ other: 5, 'c/c': 6 }))).to.deep.equal({ 'c/c': 10, 'a/a': 1, other: 7 })
  })

  it('never decreases, although a ledger may name another repository than this process did', () => {
    const totals = new RequestedTotals(1)
    for (const job of [done('a/a', 1, 1), done('b/b', 2, 2)]) totals.add(job)
    expect(shown(totals)).to.deep.equal({ 'a/a': 1, other: 2 })
    totals.remove(done('b/b', 2, 2))
    expect(shown(totals, counting({ 'b/b': 2 }))).to.deep.equal({ 'b/b': 2, other: 2 })
  })

  it('has no repository of its own with a limit of zero, or for a job that held no node', () => {
    const totals = new RequestedTotals(0)
    for (const job of [done('a/a', 1), aJob({ status: { phase: 'Failed' } })]) totals.add(job)
    expect(shown(totals)).to.deep.equal({ other: 1 })
  })
})
