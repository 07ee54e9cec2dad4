import { expect } from 'chai'
import { spentSince } from '../../../src/domain/job/retry-rules.ts'
import { aJob, aPool, at, stamp } from '../../objects/builders.ts'
import { FilledCaches } from '../../objects/stores.ts'

function retried(name: string, poolName = 'pool') {
  const lost = { number: 1, poolName, reason: 'Evicted', message: 'm', endedAt: stamp(5) }
  return aJob({ metadata: { name, uid: `uid-${name}` }, spec: { repository: 'o/r' }, status: { attempts: [lost] } })
}

function spent({ caches }: FilledCaches) {
  const which = { poolName: 'pool', repository: 'o/r', since: at(0) }
  return spentSince(caches.retriedJobs.of(aPool()), which).ofPool
}

describe('the jobs that count towards a retry budget', () => {
  it('are those that exist and those that were deleted, whatever TTL they had', () => {
    const cluster = new FilledCaches()
    const jobs = ['a', 'b', 'c'].map((name) => cluster.putJob(retried(name)))
    cluster.putJob(retried('elsewhere', 'other'))
    expect(spent(cluster)).to.equal(3)
    for (const job of jobs.slice(1)) cluster.remove(job)
    expect(spent(cluster)).to.equal(3)
  })

  it('count once when a deleted job turns out to be there, or another one gets its name', () => {
    const cluster = new FilledCaches()
    const [first, second] = [cluster.putJob(retried('a')), cluster.putJob(retried('b'))]
    cluster.remove(first)
    cluster.putJob(first)
    cluster.remove(second)
    cluster.putJob({ ...second, metadata: { ...second.metadata, uid: 'uid-next' }, status: { phase: 'Queued' } })
    expect(spent(cluster)).to.equal(2)
  })

  it('leave out deleted jobs that were never tried again', () => {
    const cluster = new FilledCaches()
    cluster.remove(cluster.putJob(aJob()))
    expect([...cluster.caches.retriedJobs.of(aPool())]).to.deep.equal([])
  })
})
